#ifndef GITOPS_AGENT_CONTROLLER_SERVICE_VIEW_H_
#define GITOPS_AGENT_CONTROLLER_SERVICE_VIEW_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/state/decide.h"
#include "agent/state/state.h"
#include "common/git/commit.h"

namespace gitops {

// Where a service is.
struct ServicePlace {
  // Of one that follows its branch; empty: nowhere, or it is on its way or not healthy.
  std::string revision;
  int64_t generation = 0;  // of its record
  bool stored = false;     // its record says so on disk
  // It does not follow its branch by itself: frozen, or coordinated.
  bool watched = false;
  std::string published = {};  // of one that is watched; empty: nothing yet
  std::string newest = {};     // ServiceRecord::newest
  bool shows_tip = false;      // its target is the tip
  std::string described = {};  // its target, if that commit's subject and author are known
};

// What a poll found for one service, besides the newest revision.
struct TipLook {
  // A revision from which the newest one differs in nothing of the service; empty: not known.
  std::string same_as = {};
  // Of a service that is watched, ServiceRecord::newest; none: as before.
  std::optional<std::string> newest = {};
  CommitInfo commit = {};  // the newest revision, if that is known
};

// For one service, in one poll that found a new tip: whether nothing but the tip moved, so that it
// is reported for all such services together. Thread-safe.
class TipNote {
 public:
  // It did. False: the poll is over, so the service is reported by itself.
  bool Take() {
    State open = State::kOpen;
    return state_.compare_exchange_strong(open, State::kTaken);
  }
  // The poll is over. Returns whether it did.
  bool Close() { return state_.exchange(State::kClosed) == State::kTaken; }

 private:
  enum class State { kOpen, kTaken, kClosed };
  std::atomic<State> state_ = State::kOpen;
};

// The visible state of a service.
struct ServiceView {
  // As stored, but with the previous hash while a new one is being activated, so that waiting for a
  // hash includes the unit.
  ServiceRecord record;
  absl::Time last_poll = absl::InfinitePast();       // when the upstream last answered
  absl::Time next_attempt = absl::InfiniteFuture();  // of a poll, or a retry after a failure
  SyncStatus sync = SyncStatus::kNever;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_SERVICE_VIEW_H_
