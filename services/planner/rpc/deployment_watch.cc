#include "services/planner/rpc/deployment_watch.h"

#include <utility>

#include "services/planner/rpc/answer_size.h"
#include "services/planner/rpc/fingerprint.h"

namespace gitops {
absl::Status DeploymentWatch::TellAll() {
  absl::StatusOr<DeploymentRecord> entry = store_->Load(id_);
  if (!entry.ok()) return entry.status();
  const bool ended = HasEnded(entry->deployment.state());
  hosts_.clear();
  // One after the other, since all together may be large.
  absl::StatusOr<v1::HostDeployment> next = store_->WholeHost(id_, 0);
  absl::Status sent = SendDeployment(std::move(entry->deployment),
                                     /*last=*/absl::IsNotFound(next.status()));
  for (int i = 0; sent.ok() && next.ok(); ++i) {
    v1::HostDeployment host = *std::move(next);
    next = store_->WholeHost(id_, i + 1);
    sent = SendHost(i, std::move(host), /*last=*/absl::IsNotFound(next.status()));
  }
  if (!sent.ok()) return sent;
  if (!absl::IsNotFound(next.status())) return next.status();
  done_ = ended;
  return absl::OkStatus();
}

absl::Status DeploymentWatch::TellChanges(const std::set<int>& changed) {
  for (const int index : changed) {
    if (index < 0) continue;
    if (absl::Status told = TellHost(index); !told.ok()) return told;
  }
  return changed.contains(-1) ? TellDeployment() : absl::OkStatus();
}

absl::Status DeploymentWatch::TellHost(int index) {
  absl::StatusOr<v1::HostDeployment> host = store_->WholeHost(id_, index);
  if (!host.ok()) return host.status();
  return SendHost(index, *std::move(host), /*last=*/false);
}

absl::Status DeploymentWatch::TellDeployment() {
  absl::StatusOr<DeploymentRecord> entry = store_->Load(id_);
  if (!entry.ok()) return entry.status();
  const bool ended = HasEnded(entry->deployment.state());
  if (ended) {
    if (absl::Status told = TellRest(); !told.ok()) return told;
  }
  absl::Status sent = SendDeployment(std::move(entry->deployment), /*last=*/false);
  done_ = ended && sent.ok();
  return sent;
}

absl::Status DeploymentWatch::TellRest() {
  for (int i = 0; i < static_cast<int>(hosts_.size()); ++i) {
    if (absl::Status told = TellHost(i); !told.ok()) return told;
  }
  return absl::OkStatus();
}

absl::Status DeploymentWatch::SendHost(int index, v1::HostDeployment host, bool last) {
  if (index >= static_cast<int>(hosts_.size())) hosts_.resize(index + 1, 0);
  const size_t fingerprint = Fingerprint(host);
  if (std::exchange(hosts_[index], fingerprint) == fingerprint && !last) return absl::OkStatus();
  FitAnswer(host);
  v1::WatchDeploymentResponse response;
  *response.mutable_host() = std::move(host);
  response.set_initial_done(last);
  return Send(response);
}

absl::Status DeploymentWatch::SendDeployment(v1::Deployment deployment, bool last) {
  const size_t fingerprint = Fingerprint(deployment);
  if (std::exchange(deployment_, fingerprint) == fingerprint && !last) return absl::OkStatus();
  v1::WatchDeploymentResponse response;
  *response.mutable_deployment() = std::move(deployment);
  response.set_initial_done(last);
  return Send(response);
}

absl::Status DeploymentWatch::Send(const v1::WatchDeploymentResponse& response) const {
  return write_(response) ? absl::OkStatus() : absl::CancelledError("the watcher is gone");
}

}  // namespace gitops
