#include "services/planner/rpc/deployment_list_watch.h"

#include <utility>
#include <vector>

#include "common/rpc/error.h"
#include "common/rpc/fingerprint.h"
#include "common/rpc/resume_token.h"
#include "services/planner/rpc/deployment_reads.h"

namespace gitops {

absl::StatusOr<std::unique_ptr<StoreWatch>> DeploymentListWatch::Start(
    Changes<std::string>& changes) {
  const absl::StatusOr<int64_t> since = ReadResumeToken(request_.resume_token());
  if (!since.ok()) return since.status();
  const absl::StatusOr<int64_t> now = store_->Revision();
  if (!now.ok()) return now.status();
  const auto changed = [&changes](const std::string& id, int64_t revision) {
    changes.Add(id, revision);
  };
  // A revision in the future is one of another store, or of this one before it was restored.
  if (*since > 0 && *since <= *now) {
    auto watch = store_->WatchAll(*since, changed);
    resumed_ = watch.ok();
    revision_ = *since;
    if (!absl::IsOutOfRange(watch.status())) return watch;
  }
  revision_ = *now;
  return store_->WatchAll(*now, changed);
}

absl::Status DeploymentListWatch::Follow(Changes<std::string>& changes,
                                         const std::function<bool()>& cancelled) {
  if (absl::Status status = CheckFilter(request_.filter()); !status.ok()) return status;
  if (absl::Status status = CheckView(request_.view()); !status.ok()) return status;
  const auto watch = Start(changes);
  if (!watch.ok()) return watch.status();
  absl::Status told = TellBeginning();
  while (told.ok() && !cancelled()) {
    const std::set<std::string> ids = changes.Next(&revision_);
    told = TellChanges(ids);
    if (changes.closed()) return MakeError(Reason::kServerStopping, "the planner is stopping");
  }
  return told.ok() ? absl::CancelledError("the watcher is gone") : told;
}

absl::Status DeploymentListWatch::TellBeginning() {
  v1::WatchDeploymentsResponse held;  // the last one is marked, so one is held back
  bool holds = false;
  held.set_restarted(!resumed_ && !request_.resume_token().empty());
  const auto tell = [&](v1::Deployment& deployment) -> absl::StatusOr<bool> {
    const absl::StatusOr<bool> matches = matcher_.Matches(deployment);
    if (!matches.ok()) return matches.status();
    if (!*matches) return true;
    if (absl::Status sent = holds ? Send(held) : absl::OkStatus(); !sent.ok()) return sent;
    const bool restarted = !std::exchange(holds, true) && held.restarted();
    held = *News(std::move(deployment));
    held.set_restarted(restarted);
    return true;
  };
  const absl::Status read =
      resumed_ ? FindUnfinished() : store_->ForEachNewestFirst(matcher_.ids(), tell);
  if (!read.ok()) return read;
  held.set_initial_done(true);
  held.set_resume_token(ResumeToken(revision_));
  return Send(held);
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

absl::Status DeploymentListWatch::TellChanges(std::set<std::string> ids) {
  for (const auto& [id, told] : troubles_) {
    if (deployments_->Trouble(id) != told) ids.insert(id);
  }
  std::vector<v1::WatchDeploymentsResponse> news;
  for (const std::string& id : ids) {
    absl::StatusOr<std::optional<v1::WatchDeploymentsResponse>> update = Update(id);
    if (!update.ok()) return update.status();
    if (update->has_value()) news.push_back(**std::move(update));
  }
  if (!news.empty()) news.back().set_resume_token(ResumeToken(revision_));
  for (const v1::WatchDeploymentsResponse& response : news) {
    if (absl::Status sent = Send(response); !sent.ok()) return sent;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::WatchDeploymentsResponse>> DeploymentListWatch::Update(
    const std::string& id) {
  auto record = store_->Load(id);
  if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
  if (record.ok()) {
    const absl::StatusOr<bool> matches = matcher_.Matches(record->deployment);
    if (!matches.ok()) return matches.status();
    if (*matches) return News(std::move(record->deployment));
  }
  troubles_.erase(id);
  // A client that resumed may have got it in its former watch.
  if (told_.erase(id) == 0 && !resumed_) return std::nullopt;
  v1::WatchDeploymentsResponse response;
  response.mutable_deployment()->set_id(id);
  response.set_removed(true);
  return response;
}

std::optional<v1::WatchDeploymentsResponse> DeploymentListWatch::News(v1::Deployment deployment) {
  if (HasEnded(deployment.state())) {
    troubles_.erase(deployment.id());
  } else {
    troubles_[deployment.id()] = AddTrouble(*deployments_, deployment);
  }
  AddEtag(deployment);
  if (request_.view() != v1::VIEW_FULL) deployment.clear_events();
  const size_t fingerprint = Fingerprint(deployment);
  const auto [told, is_new] = told_.emplace(deployment.id(), fingerprint);
  if (!is_new && std::exchange(told->second, fingerprint) == fingerprint) return std::nullopt;
  v1::WatchDeploymentsResponse response;
  *response.mutable_deployment() = std::move(deployment);
  return response;
}

absl::Status DeploymentListWatch::Send(const v1::WatchDeploymentsResponse& response) const {
  return write_(response) ? absl::OkStatus() : absl::CancelledError("the watcher is gone");
}

}  // namespace gitops
