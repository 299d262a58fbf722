#include "services/planner/rpc/deployment_watch.h"

#include <utility>

#include "common/rpc/fingerprint.h"
#include "common/rpc/resume_token.h"
#include "services/planner/rpc/answer_size.h"
#include "services/planner/rpc/deployment_reads.h"

namespace gitops {

absl::Status DeploymentWatch::TellAll(const std::string& resume_token, int64_t revision) {
  const absl::StatusOr<int64_t> since = ReadResumeToken(resume_token);
  if (!since.ok()) return since.status();
  // A revision in the future is one of another store, or of this one before it was restored.
  restarted_ = *since > revision;
  since_ = restarted_ ? 0 : *since;
  auto entry = store_->Load(id_);
  if (!entry.ok()) return entry.status();
  const bool ended = HasEnded(entry->deployment.state());
  hosts_.assign(entry->deployment.host_count(), 0);
  absl::Status held = HoldDeployment(std::move(entry->deployment));
  // One by one, since all together may be large.
  for (int i = 0; held.ok(); ++i) held = HoldHost(i);
  if (!absl::IsNotFound(held)) return held;
  if (absl::Status sent = SendHeld(revision, /*initial_done=*/true); !sent.ok()) return sent;
  done_ = ended;
  return absl::OkStatus();
}

absl::Status DeploymentWatch::TellChanges(const std::set<int>& changed, int64_t revision) {
  std::optional<v1::Deployment> deployment;
  if (changed.contains(-1) || deployments_->Trouble(id_) != trouble_) {
    auto entry = store_->Load(id_);
    if (!entry.ok()) return entry.status();
    deployment = std::move(entry->deployment);
  }
  const bool ended = deployment.has_value() && HasEnded(deployment->state());
  absl::Status held = ended ? HoldRest() : HoldHosts(changed);
  if (held.ok() && deployment.has_value()) held = HoldDeployment(*std::move(deployment));
  if (!held.ok()) return held;
  done_ = ended;
  return SendHeld(revision, /*initial_done=*/false);
}

absl::Status DeploymentWatch::HoldHosts(const std::set<int>& changed) {
  for (const int index : changed) {
    if (index < 0) continue;
    if (absl::Status held = HoldHost(index); !held.ok()) return held;
  }
  return absl::OkStatus();
}

absl::Status DeploymentWatch::HoldRest() {
  for (int i = 0; i < static_cast<int>(hosts_.size()); ++i) {
    if (absl::Status held = HoldHost(i); !held.ok()) return held;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> DeploymentWatch::IsKnown(int index) {
  const bool told = index < static_cast<int>(hosts_.size()) && hosts_[index] != 0;
  if (since_ == 0 || told) return false;
  const absl::StatusOr<int64_t> revision = store_->HostRevision(id_, index);
  if (!revision.ok()) return revision.status();
  return *revision <= since_;
}

absl::Status DeploymentWatch::HoldHost(int index) {
  const absl::StatusOr<bool> known = IsKnown(index);
  if (!known.ok() || *known) return known.status();
  absl::StatusOr<v1::HostDeployment> host = store_->WholeHost(id_, index);
  if (!host.ok()) return host.status();
  if (index >= static_cast<int>(hosts_.size())) hosts_.resize(index + 1, 0);
  const size_t fingerprint = Fingerprint(*host);
  if (std::exchange(hosts_[index], fingerprint) == fingerprint) return absl::OkStatus();
  FitAnswer(*host);
  Response response;
  *response.mutable_host() = *std::move(host);
  return Hold(std::move(response));
}

absl::Status DeploymentWatch::HoldDeployment(v1::Deployment deployment) {
  trouble_ = AddTrouble(*deployments_, deployment);
  AddEtag(deployment);
  const size_t fingerprint = Fingerprint(deployment);
  if (std::exchange(deployment_, fingerprint) == fingerprint) return absl::OkStatus();
  Response response;
  *response.mutable_deployment() = std::move(deployment);
  return Hold(std::move(response));
}

absl::Status DeploymentWatch::Hold(Response response) {
  response.set_restarted(std::exchange(restarted_, false));
  const std::optional<Response> before =
      std::exchange(held_, std::optional<Response>(std::move(response)));
  return before.has_value() ? Send(*before) : absl::OkStatus();
}

absl::Status DeploymentWatch::SendHeld(int64_t revision, bool initial_done) {
  if (!held_.has_value()) return absl::OkStatus();
  held_->set_initial_done(initial_done);
  held_->set_resume_token(ResumeToken(revision));
  absl::Status sent = Send(*held_);
  held_.reset();
  return sent;
}

absl::Status DeploymentWatch::Send(const Response& response) const {
  return write_(response) ? absl::OkStatus() : absl::CancelledError("the watcher is gone");
}

}  // namespace gitops
