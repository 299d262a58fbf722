#include "services/planner/rpc/deployment_watch.h"

#include <numeric>
#include <utility>

#include "common/rpc/fingerprint.h"
#include "services/planner/rpc/answer_size.h"

namespace gitops {

absl::StatusOr<int64_t> DeploymentWatch::Start(Changes<int>& changes) {
  const absl::StatusOr<int64_t> now = store_->Revision();
  if (!now.ok()) return now.status();
  const auto urgent = [this](int index) {
    if (index >= 0) return false;
    const absl::StatusOr<DeploymentRecord> record = store_->Load(request_.id());
    return !record.ok() || HasEnded(record->deployment.state());
  };
  auto events = store_->Watch(request_.id(), [&changes, urgent](int index, int64_t revision) {
    changes.Add(index, revision, urgent(index));
  });
  if (!events.ok()) return events.status();
  events_ = *std::move(events);
  // The tries of checks are not in the store, so they come without a revision of their own.
  checks_ = deployments_->running_checks().Subscribe(
      request_.id(), [&changes](int host) { changes.Add(host, 0, /*urgent=*/false); });
  return now;
}

absl::Status DeploymentWatch::TellAll(int64_t revision) {
  const absl::StatusOr<int64_t> since = ReadResumeToken(request_.resume_token());
  if (!since.ok()) return since.status();
  // A revision in the future is one of another store, or of this one before it was restored.
  const bool restarted = *since > revision;
  stream_.set_restarted(restarted);
  since_ = restarted ? 0 : *since;
  auto entry = store_->Load(request_.id());
  if (!entry.ok()) return entry.status();
  const bool ended = HasEnded(entry->deployment.state());
  hosts_.assign(entry->deployment.host_count(), 0);
  absl::Status sent = SendDeployment(std::move(entry->deployment));
  // One by one, since all together may be large.
  for (int i = 0; sent.ok(); ++i) sent = SendHost(i);
  if (!absl::IsNotFound(sent)) return sent;
  done_ = ended;
  return stream_.EndBatch(ResumeToken(revision), /*initial=*/true);
}

absl::Status DeploymentWatch::TellChanges(const std::set<int>& changed, int64_t revision) {
  std::optional<v1::Deployment> deployment;
  if (changed.contains(-1) || deployments_->Trouble(request_.id()) != trouble_) {
    auto entry = store_->Load(request_.id());
    if (!entry.ok()) return entry.status();
    deployment = std::move(entry->deployment);
  }
  const bool ended = deployment.has_value() && HasEnded(deployment->state());
  std::vector<int> hosts(changed.upper_bound(-1), changed.end());
  if (ended) {
    // Any of them may have been saved just before the end.
    hosts.resize(hosts_.size());
    std::iota(hosts.begin(), hosts.end(), 0);
  }
  for (const int index : hosts) {
    if (absl::Status sent = SendHost(index); !sent.ok()) return sent;
  }
  if (deployment.has_value()) {
    if (absl::Status sent = SendDeployment(*std::move(deployment)); !sent.ok()) return sent;
  }
  done_ = ended;
  return stream_.EndBatch(ResumeToken(revision));
}

absl::StatusOr<bool> DeploymentWatch::IsKnown(int index) {
  const bool told = index < static_cast<int>(hosts_.size()) && hosts_[index] != 0;
  if (since_ == 0 || told) return false;
  // The tries of its checks are not in the store.
  if (deployments_->running_checks().Has(request_.id(), index)) return false;
  const absl::StatusOr<int64_t> revision = store_->HostRevision(request_.id(), index);
  if (!revision.ok()) return revision.status();
  return *revision <= since_;
}

absl::Status DeploymentWatch::SendHost(int index) {
  const absl::StatusOr<bool> known = IsKnown(index);
  if (!known.ok() || *known) return known.status();
  absl::StatusOr<v1::HostDeployment> host = store_->WholeHost(request_.id(), index);
  if (!host.ok()) return host.status();
  deployments_->running_checks().AddTo(request_.id(), index, *host);
  if (index >= static_cast<int>(hosts_.size())) hosts_.resize(index + 1, 0);
  const size_t fingerprint = Fingerprint(*host);
  if (std::exchange(hosts_[index], fingerprint) == fingerprint) return absl::OkStatus();
  FitAnswer(*host);
  v1::WatchDeploymentResponse response;
  *response.mutable_host() = *std::move(host);
  return stream_.Send(std::move(response));
}

absl::Status DeploymentWatch::SendDeployment(v1::Deployment deployment) {
  trouble_ = AddTrouble(*deployments_, deployment);
  AddEtag(deployment);
  const size_t fingerprint = Fingerprint(deployment);
  if (std::exchange(deployment_, fingerprint) == fingerprint) return absl::OkStatus();
  v1::WatchDeploymentResponse response;
  *response.mutable_deployment() = std::move(deployment);
  return stream_.Send(std::move(response));
}

absl::StatusOr<int64_t> DeploymentListWatch::Start(Changes<std::string>& changes) {
  return stream_.Start(request_.resume_token(), store_->Revision(), [&](int64_t after) {
    auto events = store_->WatchAll(
        after, [&changes](const std::string& id, int64_t revision) { changes.Add(id, revision); });
    if (events.ok()) events_ = *std::move(events);
    return events.status();
  });
}

absl::Status DeploymentListWatch::TellAll(int64_t revision) {
  const auto tell = [&](v1::Deployment& deployment) -> absl::StatusOr<bool> {
    const absl::StatusOr<bool> matches = matcher_.Matches(deployment);
    if (!matches.ok()) return matches.status();
    if (!*matches) return true;
    if (absl::Status sent = SendNews(std::move(deployment)); !sent.ok()) return sent;
    return true;
  };
  const absl::Status read =
      stream_.resumed() ? FindUnfinished() : store_->ForEachNewestFirst(matcher_.ids(), tell);
  if (!read.ok()) return read;
  return stream_.EndBatch(ResumeToken(revision), /*initial=*/true);
}

absl::Status DeploymentListWatch::FindUnfinished() {
  const absl::StatusOr<std::vector<DeploymentRecord>> unfinished = store_->Unfinished();
  if (!unfinished.ok()) return unfinished.status();
  for (const DeploymentRecord& record : *unfinished) {
    const absl::StatusOr<bool> matches = matcher_.Matches(record.deployment);
    if (!matches.ok()) return matches.status();
    if (*matches) troubles_[record.deployment.id()];
  }
  return absl::OkStatus();
}

absl::Status DeploymentListWatch::TellChanges(std::set<std::string> ids, int64_t revision) {
  for (const auto& [id, told] : troubles_) {
    if (deployments_->Trouble(id) != told) ids.insert(id);
  }
  for (const std::string& id : ids) {
    if (absl::Status sent = SendChange(id); !sent.ok()) return sent;
  }
  return stream_.EndBatch(ResumeToken(revision));
}

absl::Status DeploymentListWatch::SendChange(const std::string& id) {
  auto record = store_->Load(id);
  if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
  if (record.ok()) {
    const absl::StatusOr<bool> matches = matcher_.Matches(record->deployment);
    if (!matches.ok()) return matches.status();
    if (*matches) return SendNews(std::move(record->deployment));
  }
  troubles_.erase(id);
  // A client that resumed may have got it in its former watch.
  if (told_.erase(id) == 0 && !stream_.resumed()) return absl::OkStatus();
  v1::WatchDeploymentsResponse response;
  response.mutable_deployment()->set_id(id);
  response.set_removed(true);
  return stream_.Send(std::move(response));
}

absl::Status DeploymentListWatch::SendNews(v1::Deployment deployment) {
  if (HasEnded(deployment.state())) {
    troubles_.erase(deployment.id());
  } else {
    troubles_[deployment.id()] = AddTrouble(*deployments_, deployment);
  }
  AddEtag(deployment);
  if (request_.view() != v1::VIEW_FULL) deployment.clear_events();
  const size_t fingerprint = Fingerprint(deployment);
  const auto [told, is_new] = told_.emplace(deployment.id(), fingerprint);
  if (!is_new && std::exchange(told->second, fingerprint) == fingerprint) return absl::OkStatus();
  v1::WatchDeploymentsResponse response;
  *response.mutable_deployment() = std::move(deployment);
  return stream_.Send(std::move(response));
}

}  // namespace gitops
