#include "services/planner/rpc/deployment_list_watch.h"

#include <utility>
#include <vector>

#include "common/rpc/fingerprint.h"
#include "services/planner/rpc/deployment_reads.h"

namespace gitops {

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
