#include "agent/state/decide.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::string JoinReasons(std::initializer_list<const std::string*> reasons) {
  std::string joined;
  for (const std::string* reason : reasons) {
    if (!reason->empty()) absl::StrAppend(&joined, joined.empty() ? "" : "; ", *reason);
  }
  return joined;
}

// The revision to publish so that the service is at `desired`: if nothing of the service has
// changed since, the published revision (or the one before a reboot) works as well and needs no
// network.
const std::string& RevisionToPublish(const ServiceRecord& record, const std::string& desired) {
  return desired == record.hash && !record.published.empty() ? record.published : desired;
}

void ClearPollError(ServiceRecord& record) {
  record.poll_error.clear();
  record.poll_reason = StateReason::kNone;
}

void ClearSourceError(ServiceRecord& record) {
  record.source_error.clear();
  record.source_reason = StateReason::kNone;
}

void ClearErrors(ServiceRecord& record) {
  ClearPollError(record);
  ClearSourceError(record);
  record.activation_error.clear();
  record.failed.clear();
  record.drift.clear();
}

// That it has not begun yet says less than what keeps it from beginning.
StateReason ReasonForDiff(const ServiceRecord& record) {
  const StateReason drift = record.drift.empty() ? StateReason::kNone : StateReason::kDrift;
  for (const StateReason reason : {record.source_reason, record.poll_reason, drift}) {
    if (reason != StateReason::kNone && reason != StateReason::kStarting) return reason;
  }
  return record.source_reason;
}

// Every commit that the record knows goes beside the hashes that are its own.
void SettleCommits(ServiceRecord& record, CommitInfo more = {}) {
  const CommitInfo known[] = {std::move(more), record.commit, record.target_commit,
                              record.newest_commit};
  const auto of = [&known](const std::string& hash) {
    for (const CommitInfo& commit : known) {
      if (!hash.empty() && commit.hash == hash) return commit;
    }
    return CommitInfo();
  };
  record.commit = of(record.hash);
  record.target_commit = of(record.target);
  record.newest_commit = of(record.newest);
}

// After a move, or before a freeze: the tip that was seen last is newer, until the next poll finds
// what it touches. Of a frozen service the target is no tip.
void NoteNewest(ServiceRecord& record) {
  if (record.frozen || record.target.empty()) return;
  if (record.target == record.hash) record.newest.clear();
  if (record.target != record.hash && record.newest.empty()) record.newest = record.target;
}

}  // namespace

ServiceRecord NewRecord(const Policy& policy) {
  ServiceRecord record;
  if (!policy.coordinated) {
    record.source_error = "nothing is published yet";
    record.source_reason = StateReason::kStarting;
  }
  return Settled(std::move(record));
}

std::string DesiredRevision(const ServiceRecord& record, const Policy& policy) {
  if (!record.pinned.empty()) return record.pinned;
  if (record.frozen) return record.hash;
  if (policy.coordinated) return record.coordinated;
  return record.target.empty() ? record.hash : record.target;
}

Step NextStep(const ServiceRecord& record, const Policy& policy, absl::string_view visible) {
  const std::string desired = DesiredRevision(record, policy);
  if (desired.empty()) return {};
  const std::string& revision = RevisionToPublish(record, desired);
  const bool is_visible = visible == revision;
  if (!record.pending.empty()) {
    return {record.pending == revision && is_visible ? Step::Kind::kActivate : Step::Kind::kPublish,
            revision, desired};
  }
  if (desired == record.hash) {
    if (!is_visible) return {Step::Kind::kPublish, revision, desired};
    const bool retry = !record.activation_error.empty() && (!record.frozen || MovingToPin(record));
    if (retry) return {Step::Kind::kActivate, revision, desired};
    return {};
  }
  // Published before a crash that came before the record of it.
  if (visible == desired && visible != record.published) {
    return {Step::Kind::kActivate, desired, desired};
  }
  const bool can_compare =
      !record.published.empty() && visible == record.published && record.activation_error.empty();
  return {can_compare ? Step::Kind::kCompare : Step::Kind::kPublish, desired, desired};
}

bool MovingToPin(const ServiceRecord& record) {
  if (record.pinned.empty()) return false;
  if (record.hash != record.pinned) return true;
  // A revision that was activated before and is only published again, after a reboot, is not a
  // move. Otherwise it is not reached before its activation succeeds.
  const bool activated_before = record.last_good == record.published;
  return !activated_before && (!record.pending.empty() || record.failed == record.published);
}

SyncStatus SyncOf(const ServiceRecord& record, const Policy& policy, bool moving) {
  if (record.published.empty()) return SyncStatus::kNever;
  // A freeze ends an attempt, and what it leaves pending waits for the unfreeze.
  const bool may_move = !record.frozen || MovingToPin(record);
  if (may_move && (moving || !record.pending.empty())) return SyncStatus::kProgressing;
  const auto is_ahead = [&record](const std::string& revision) {
    return !revision.empty() && revision != record.hash;
  };
  // After an unfreeze, what was found while it was frozen is ahead until the next poll.
  const bool follows = !record.frozen && !policy.coordinated;
  return is_ahead(record.newest) || (follows && is_ahead(record.target)) ? SyncStatus::kBehind
                                                                         : SyncStatus::kCurrent;
}

CommitInfo CommitOf(const ServiceRecord& record, absl::string_view hash) {
  for (const CommitInfo* commit : {&record.commit, &record.target_commit, &record.newest_commit}) {
    if (!hash.empty() && commit->hash == hash) return *commit;
  }
  return {};
}

ServiceRecord OnCommit(ServiceRecord record, const CommitInfo& commit) {
  SettleCommits(record, commit);
  return record;
}

ServiceRecord OnNewest(ServiceRecord record, const std::string& newest) {
  record.newest = newest;
  return Settled(std::move(record));
}

ServiceRecord Settled(ServiceRecord record) {
  const bool at_newest = record.newest == record.hash || record.newest == record.published;
  if (at_newest && !MovingToPin(record)) record.newest.clear();
  SettleCommits(record);
  record.state_reason = StateReason::kNone;
  if (record.frozen && !MovingToPin(record)) {
    record.state = State::kFreeze;
    record.info = record.pinned.empty() ? "" : absl::StrCat("ROLLBACK: ", record.pinned);
    return record;
  }
  record.info = JoinReasons(
      {&record.activation_error, &record.source_error, &record.poll_error, &record.drift});
  if (!record.activation_error.empty()) {
    record.state = State::kBroken;
  } else if (!record.source_error.empty() || (!record.frozen && !record.info.empty())) {
    record.state = State::kDiff;
    record.state_reason = ReasonForDiff(record);
  } else if (record.frozen) {
    record.state = State::kRollback;
    record.info = absl::StrCat("moving to ", record.pinned);
  } else {
    record.state = State::kOk;
  }
  return record;
}

ServiceRecord OnTip(ServiceRecord record, const std::string& tip) {
  ClearPollError(record);
  if (record.frozen) return Settled(std::move(record));
  if (record.hash == tip) record.newest.clear();
  if (record.target != tip) {
    // An error of the previous target says nothing about this one, but while nothing is published
    // the service does not count as reconciled.
    if (!record.published.empty()) ClearSourceError(record);
    record.target = tip;
  }
  return Settled(std::move(record));
}

ServiceRecord OnPollFailed(ServiceRecord record, const std::string& error, StateReason reason) {
  if (!record.frozen) {
    record.poll_error = error;
    record.poll_reason = reason;
  }
  return Settled(std::move(record));
}

ServiceRecord OnSameContent(ServiceRecord record, const std::string& revision) {
  record.hash = revision;
  if (!record.frozen && record.target == revision) record.newest.clear();
  ClearSourceError(record);
  return Settled(std::move(record));
}

ServiceRecord OnLinks(ServiceRecord record, const std::set<std::string>& links) {
  const bool others = !record.links.empty() && record.links != links;
  record.links = links;
  if (others && !record.published.empty()) record.hash = record.published;
  return Settled(std::move(record));
}

bool OnlyTipMoved(const ServiceRecord& before, const ServiceRecord& after, const Policy& policy) {
  if (after.frozen || !after.pending.empty() || after.target == before.target) return false;
  if (!policy.coordinated && after.hash != after.target) return false;
  ServiceRecord moved = before;
  moved.target = after.target;
  moved.target_commit = after.target_commit;
  if (!policy.coordinated) {
    moved.hash = after.hash;
    moved.commit = after.commit;
  }
  moved.generation = after.generation;
  return moved == after;
}

ServiceRecord OnSourceFailed(ServiceRecord record, const std::string& error, StateReason reason) {
  record.source_error = error;
  record.source_reason = reason;
  // A revision that is published and was not activated yet must still be activated.
  if (record.pending != record.published) record.pending.clear();
  return Settled(std::move(record));
}

ServiceRecord OnPublishing(ServiceRecord record, const std::string& revision) {
  record.pending = revision;
  return Settled(std::move(record));
}

ServiceRecord OnPublished(ServiceRecord record, const Step& step) {
  // A rollback to the last good revision is a move like others: that it was good once does not
  // count.
  const bool rollback = !record.pinned.empty() && record.hash != step.hash;
  if (rollback && record.last_good == step.revision) record.last_good.clear();
  record.hash = step.hash;
  record.published = step.revision;
  record.pending = step.revision;
  NoteNewest(record);
  ClearSourceError(record);
  record.drift.clear();
  return Settled(std::move(record));
}

ServiceRecord OnActivated(ServiceRecord record) {
  record.last_good = record.published;
  record.pending.clear();
  record.failed.clear();
  record.activation_error.clear();
  return Settled(std::move(record));
}

ServiceRecord OnActivationFailed(ServiceRecord record, const std::string& error) {
  record.failed = record.published;
  record.pending.clear();
  record.activation_error = error;
  return Settled(std::move(record));
}

std::string FallbackRevision(const ServiceRecord& record, const Policy& policy) {
  if (record.last_good.empty() || record.last_good == record.published) return "";
  const bool rolling_back = !record.pinned.empty();
  return rolling_back || policy.rollback_on_failure ? record.last_good : "";
}

ServiceRecord OnFallbackPublished(ServiceRecord record, const std::string& fallback) {
  record.hash = fallback;
  record.published = fallback;
  record.pending = fallback;
  NoteNewest(record);
  return Settled(std::move(record));
}

ServiceRecord OnFellBack(ServiceRecord record, const std::string& fallback,
                         const std::string& error) {
  record.hash = fallback;
  record.published = fallback;
  record.pending.clear();
  record.activation_error = absl::StrCat(
      "revision ", record.failed, " failed: ", record.activation_error, "; ",
      error.empty() ? absl::StrCat("serving ", fallback, " again")
                    : absl::StrCat("returned to ", fallback, ", which fails too: ", error));
  return Settled(std::move(record));
}

ServiceRecord OnDrift(ServiceRecord record, const std::string& drift) {
  record.drift = drift;
  return Settled(std::move(record));
}

ServiceRecord OnHealth(ServiceRecord record, const std::string& error) {
  if (record.failed.empty()) record.activation_error = error;
  return Settled(std::move(record));
}

ServiceRecord OnFreeze(ServiceRecord record, const Actor& actor, const std::string& reason) {
  // A rollback that has not completed is abandoned; the service stays where it is.
  if (MovingToPin(record)) record.pinned.clear();
  NoteNewest(record);
  record.frozen = true;
  record.frozen_by = actor;
  record.freeze_reason = reason;
  ClearErrors(record);
  return Settled(std::move(record));
}

ServiceRecord OnUnfreeze(ServiceRecord record) {
  if (!record.frozen) return record;
  record.frozen = false;
  record.frozen_by = {};
  record.freeze_reason.clear();
  record.pinned.clear();
  ClearErrors(record);
  // A failed activation from before the freeze is cleared as an error, but still has to be done.
  if (record.published != record.last_good) record.pending = record.published;
  return Settled(std::move(record));
}

ServiceRecord OnRollback(ServiceRecord record, const std::string& revision, const Actor& actor,
                         const std::string& reason) {
  ClearErrors(record);
  // It is left behind by the move, if the service is at it now.
  if (!record.frozen && record.newest.empty() && record.target != revision) {
    record.newest = record.target;
  }
  record.frozen = true;
  record.frozen_by = actor;
  record.freeze_reason = reason;
  record.pinned = revision;
  record.target = revision;
  // As after an unfreeze: it is not reached before its activation succeeds.
  if (revision == record.published && record.published != record.last_good) {
    record.pending = record.published;
  }
  return Settled(std::move(record));
}

ServiceRecord OnSync(ServiceRecord record, const std::string& revision) {
  // Errors of the previous revision say nothing about this one. A failed activation stays an error
  // until the next one has succeeded.
  ClearSourceError(record);
  record.coordinated = revision;
  return Settled(std::move(record));
}

bool IsHealthyAt(const ServiceRecord& record, absl::string_view revision) {
  return record.hash == revision && record.pending.empty() && !record.frozen &&
         record.activation_error.empty() && record.source_error.empty() && record.drift.empty();
}

absl::Duration Jittered(absl::Duration poll, double fraction) {
  return poll - poll * 0.5 * std::clamp(fraction, 0.0, 1.0);
}

}  // namespace gitops
