#include "agent/rpc/convert.h"

#include "common/clock/timestamp.h"
#include "common/git/commit_message.h"
#include "common/git/url.h"
#include "common/rpc/actor.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

bool IsMoment(absl::Time time) {
  return time != absl::InfinitePast() && time != absl::InfiniteFuture();
}

}  // namespace

v1::ServiceState ToProto(State state) {
  switch (state) {
    case State::kOk:
      return v1::SERVICE_STATE_OK;
    case State::kFreeze:
      return v1::SERVICE_STATE_FREEZE;
    case State::kRollback:
      return v1::SERVICE_STATE_ROLLBACK;
    case State::kBroken:
      return v1::SERVICE_STATE_BROKEN;
    case State::kDiff:
      return v1::SERVICE_STATE_DIFF;
  }
  return v1::SERVICE_STATE_UNSPECIFIED;
}

v1::SyncStatus ToProto(SyncStatus sync) {
  switch (sync) {
    case SyncStatus::kCurrent:
      return v1::SYNC_STATUS_CURRENT;
    case SyncStatus::kBehind:
      return v1::SYNC_STATUS_BEHIND;
    case SyncStatus::kNever:
      return v1::SYNC_STATUS_NEVER;
    case SyncStatus::kProgressing:
      return v1::SYNC_STATUS_PROGRESSING;
  }
  return v1::SYNC_STATUS_UNSPECIFIED;
}

v1::Commit ToProto(const CommitInfo& commit) {
  v1::Commit message;
  WriteCommit(commit, message);
  return message;
}

v1::Service ToProto(const ServiceSpec& spec, const ServiceView& view) {
  v1::Service service;
  const ServiceRecord& record = view.record;
  service.set_host(spec.machine);
  service.set_service(spec.service);
  service.set_state(ToProto(record.state));
  service.set_state_info(EnsureUtf8(record.info));
  service.set_hash(record.hash);
  service.set_target_hash(record.target);
  service.set_pinned_hash(record.pinned);
  service.set_frozen_by(record.frozen_by.text());
  if (const auto& principal = record.frozen_by.principal()) {
    WritePrincipal(*principal, *service.mutable_frozen_by_principal());
  }
  service.set_freeze_reason(EnsureUtf8(record.freeze_reason));
  service.set_sync(ToProto(view.sync));
  service.set_state_reason(static_cast<v1::StateReason>(record.state_reason));
  if (!record.commit.hash.empty()) *service.mutable_commit() = ToProto(record.commit);
  if (!record.target_commit.hash.empty()) {
    *service.mutable_target_commit() = ToProto(record.target_commit);
  }
  service.set_generation(record.generation);
  if (IsMoment(record.change_time))
    *service.mutable_change_time() = ToTimestamp(record.change_time);
  if (IsMoment(view.last_poll)) *service.mutable_last_poll_time() = ToTimestamp(view.last_poll);
  if (IsMoment(view.next_attempt) && !record.frozen) {
    *service.mutable_next_attempt_time() = ToTimestamp(view.next_attempt);
  }
  service.set_upstream(RedactUrl(spec.upstream.url));
  service.set_branch(spec.branch);
  service.set_user(spec.user);
  service.set_action(spec.action);
  service.set_tracking(spec.tracking == Tracking::kCoordinated ? v1::TRACKING_COORDINATED
                                                               : v1::TRACKING_AUTO);
  for (const DirectorySpec& spec_directory : spec.directories) {
    v1::Directory* directory = service.add_directories();
    directory->set_local(spec_directory.local);
    directory->set_link(spec_directory.link);
    directory->set_file(spec_directory.file);
  }
  return service;
}

v1::TipVerified ToProto(const TipMove& move) {
  v1::TipVerified tip;
  tip.set_upstream(move.branch.upstream);
  tip.set_user(move.branch.user);
  tip.set_branch(move.branch.branch);
  tip.set_hash(move.hash);
  if (!move.commit.hash.empty()) *tip.mutable_commit() = ToProto(move.commit);
  tip.mutable_except()->Assign(move.others.begin(), move.others.end());
  return tip;
}

v1::Change ToProto(const ChangeRecord& record) {
  v1::Change change;
  *change.mutable_time() = ToTimestamp(record.time);
  change.set_from_hash(record.from_hash);
  change.set_to_hash(record.to_hash);
  change.set_from_state(ToProto(record.from_state));
  change.set_to_state(ToProto(record.to_state));
  change.set_reason(EnsureUtf8(record.reason));
  WriteActor(record.actor, change);
  *change.mutable_duration() = ToDuration(record.duration);
  if (!record.commit.hash.empty()) *change.mutable_commit() = ToProto(record.commit);
  return change;
}

v1::Difference ToProto(const DriftEntry& entry) {
  v1::Difference difference;
  switch (entry.kind) {
    case DriftEntry::Kind::kModified:
      difference.set_kind(v1::Difference::KIND_MODIFIED);
      break;
    case DriftEntry::Kind::kDeleted:
      difference.set_kind(v1::Difference::KIND_DELETED);
      break;
    case DriftEntry::Kind::kUntracked:
      difference.set_kind(v1::Difference::KIND_UNTRACKED);
      break;
    case DriftEntry::Kind::kNotPublished:
      difference.set_kind(v1::Difference::KIND_NOT_PUBLISHED);
      break;
    case DriftEntry::Kind::kUnreadable:
      difference.set_kind(v1::Difference::KIND_UNREADABLE);
      break;
    case DriftEntry::Kind::kAdded:
      difference.set_kind(v1::Difference::KIND_ADDED);
      break;
    case DriftEntry::Kind::kNotCompared:
    case DriftEntry::Kind::kNotCarriedOver:
      difference.set_kind(v1::Difference::KIND_NOT_COMPARED);
      break;
  }
  difference.set_path(EnsureUtf8(entry.path));
  difference.set_detail(EnsureUtf8(entry.detail));
  difference.set_added_lines(entry.added_lines);
  difference.set_removed_lines(entry.removed_lines);
  return difference;
}

}  // namespace gitops
