// How a ServiceController changes its record: one change after another is made and stored.
#include <algorithm>
#include <utility>

#include "agent/controller/service_controller.h"
#include "common/log/log.h"

namespace gitops {
namespace {

bool SameState(const ServiceRecord& a, const ServiceRecord& b) {
  return a.state == b.state && a.info == b.info && a.pinned == b.pinned &&
         a.frozen_by == b.frozen_by && a.freeze_reason == b.freeze_reason;
}

}  // namespace

void ServiceController::Make(Change change) {
  auto place = changes_.end();
  if (change.command) {
    place = std::find_if(changes_.begin(), changes_.end(),
                         [](const Change& other) { return !other.command; });
  }
  changes_.insert(place, std::move(change));
}

void ServiceController::MakeChanges() {
  while (!storing_ && !exchanging_ && !changes_.empty()) {
    Change change = std::move(changes_.front());
    changes_.pop_front();
    absl::StatusOr<ServiceRecord> next = change.make(record_);
    if (next.ok()) {
      StoreAndMake(*std::move(next), std::move(change));
    } else if (change.then) {
      change.then(next.status());
    }
  }
}

std::optional<ChangeRecord> ServiceController::EntryFor(const ServiceRecord& next,
                                                        const Why& why) const {
  const bool asked_for = !why.reason.empty() && why.actor != kAgent;
  // A move in progress is not a change yet; other events meanwhile are not its reason.
  const std::string& hash = next.pending.empty() ? next.hash : logged_hash_;
  const bool moved =
      !logged_state_.has_value() || hash != logged_hash_ || next.state != logged_state_;
  if (!asked_for && (!moved || why.reason.empty())) return std::nullopt;
  return ChangeRecord{.time = options_.clock->Now(),
                      .from_hash = logged_hash_,
                      .to_hash = hash,
                      .from_state = logged_state_.value_or(record_.state),
                      .to_state = next.state,
                      .reason = why.reason,
                      .actor = why.actor,
                      .duration = why.duration,
                      .commit = CommitOf(next, hash)};
}

bool ServiceController::InMemory(const ServiceRecord& next, Change::Storing storing) const {
  if (unsaved_ || !SameState(next, record_) || next.newest != record_.newest) return false;
  if (storing == Change::Storing::kMemory) return true;
  // A rollback, or a deployment's sync. After a crash it goes on from where it was: see NextStep.
  return storing == Change::Storing::kUnlessOrdered && stored_desired_ == next.pending &&
         stored_hash_ != next.pending;
}

void ServiceController::StoreAndMake(ServiceRecord next, Change change) {
  if (InMemory(next, change.storing)) {
    Remember(std::move(next), change.note.get());
    if (change.then) change.then(absl::OkStatus());
    return;
  }
  const bool settled = next.pending.empty() && change.why.reason.empty();
  if (settled && unlogged_.has_value()) change.why = *unlogged_;
  const std::optional<ChangeRecord> entry = EntryFor(next, change.why);
  if (next == record_ && !unsaved_ && !entry.has_value()) {
    if (change.then) change.then(absl::OkStatus());
    return;
  }
  if (!SameState(next, record_) || (next.pending.empty() && next.hash != logged_hash_)) {
    next.change_time = options_.clock->Now();
  }
  if (!(next == record_) || !rebuilt_.empty()) ++next.generation;
  storing_ = true;
  auto shared = std::make_shared<Change>(std::move(change));
  auto saved = std::make_shared<absl::Status>();
  options_.saver->Save(
      spec().service, next, entry, [this, next, entry, shared, saved](absl::Status status) {
        *saved = std::move(status);
        Post([this, next, entry, shared, saved] {
          storing_ = false;
          const bool anyway = shared->storing != Change::Storing::kFirst &&
                              shared->storing != Change::Storing::kUnlessOrdered;
          if (saved->ok() || anyway) {
            unsaved_ = !saved->ok();
            if (saved->ok()) {
              stored_hash_ = next.hash;
              stored_desired_ = DesiredRevision(next, policy_);
            }
            if (shared->command) rebuilt_.clear();
            if (entry.has_value()) {
              unlogged_ = saved->ok() ? std::nullopt : std::optional<Why>(shared->why);
            }
            Made(next, shared->why, saved->ok() ? entry : std::nullopt);
          }
          if (!saved->ok() && anyway) {
            LogError("cannot store the state of a service; it is stored when that is possible",
                     {{"service", spec().service}, {"error", std::string(saved->message())}});
            *saved = absl::OkStatus();
          }
          if (shared->then) shared->then(*saved);
        });
      });
}

void ServiceController::Made(ServiceRecord next, const Why& why,
                             const std::optional<ChangeRecord>& entry, TipNote* note) {
  const bool tell = entry.has_value() || (next.info != record_.info && !next.info.empty());
  if (entry.has_value()) {
    NoteLogged(entry->to_hash, next);
    logged_state_ = entry->to_state;
  } else if (why.reason.empty() && next.pending.empty() && next.published == record_.published &&
             next.hash != record_.hash) {
    NoteLogged(next.hash, next);  // verified to change nothing of the service
  }
  const bool changed = !(next == record_);
  const bool only_tip = note != nullptr && OnlyTipMoved(record_, next, policy_);
  record_ = std::move(next);
  if (logged_commit_.hash.empty()) logged_commit_ = CommitOf(record_, logged_hash_);
  ShowView();
  if (tell) {
    LogInfo("service changed", {{"service", spec().service},
                                {"state", std::string(StateName(record_.state))},
                                {"hash", record_.hash},
                                {"info", record_.info},
                                {"reason", why.reason},
                                {"actor", why.actor.text()}});
  }
  if (changed && options_.on_change) options_.on_change(/*noted=*/only_tip && note->Take());
  CheckWaiters();
}

void ServiceController::Remember(ServiceRecord next, TipNote* note) {
  if (next == record_) return;
  ++next.generation;
  Made(std::move(next), {}, std::nullopt, note);
}

void ServiceController::NoteLogged(const std::string& hash, const ServiceRecord& record) {
  logged_hash_ = hash;
  logged_commit_ = CommitOf(record, hash);
}

// The generation grows with it, since everybody is told.
void ServiceController::SetMoving(bool moving) {
  Make({.make =
            [this, moving](ServiceRecord record) {
              if (std::exchange(moving_, moving) != moving) ++record.generation;
              return record;
            },
        .storing = Change::Storing::kMemory});
}

}  // namespace gitops
