#ifndef GITOPS_AGENT_STATE_STATE_H_
#define GITOPS_AGENT_STATE_STATE_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/git/commit.h"
#include "common/rpc/actor.h"
#include "common/rpc/state_reason.h"

namespace gitops {

// The states of a service, and the allowed transitions.
//
//   from      to
//   OK        FREEZE, ROLLBACK, BROKEN, DIFF
//   FREEZE    OK, ROLLBACK
//   ROLLBACK  FREEZE, BROKEN, DIFF         (also OK: unfrozen while it moves)
//   BROKEN    OK, FREEZE, ROLLBACK, DIFF
//   DIFF      OK, FREEZE, ROLLBACK, BROKEN
enum class State { kOk, kFreeze, kRollback, kBroken, kDiff };

absl::string_view StateName(State state);  // "OK", "FREEZE"…
std::optional<State> ParseState(absl::string_view name);
bool MayFollow(State from, State to);

// How what a service publishes relates to its branch: see SyncOf in decide.h. An agent that is
// silent is for others to tell.
enum class SyncStatus { kCurrent, kBehind, kNever, kProgressing };

// The stored record of a service, from which its next step is decided.
struct ServiceRecord {
  State state = State::kOk;
  std::string info;           // why; empty when OK
  std::string hash;           // published, or verified to change nothing; empty: none yet
  std::string published;      // the revision whose files are published; differs from hash where the
                              // change from it to hash touched nothing of this service
  std::string target;         // the last known tip, or the pin
  std::string pinned;         // by a rollback
  std::string coordinated;    // for coordinated tracking: the revision of the last `sync`
  Actor frozen_by;            // who froze or rolled back; empty: following
  std::string freeze_reason;  // as they gave it; may be empty
  bool frozen = false;  // not following (FREEZE, ROLLBACK, or a pin that could not be reached yet)
  // Set before files are exchanged, cleared when their activation has succeeded or was given up:
  // after a crash it means that `pending` may be published and has not been activated.
  std::string pending;
  std::string last_good;  // the last revision that was published and activated successfully
  std::string failed;     // the revision whose activation failed last, while it is retried
  // Descriptions of current problems; each empty if there is none. State and info follow from these
  // and from frozen and pinned: see decide.h.
  std::string poll_error;        // the upstream did not answer, or lacks the branch
  std::string source_error;      // the target could not be prepared or published
  std::string activation_error;  // the action failed, or the unit is not healthy
  std::string drift;             // the published tree was changed
  absl::Time change_time = absl::InfinitePast();  // of state, hash or info
  int64_t generation = 0;  // grows with every change of the record, also over restarts
  // The paths that it publishes; one that is empty if there are none. No entry: an older agent
  // stored it.
  std::set<std::string> links;
  // The newest commit of its branch that changes something of it, as far as that is not published;
  // empty: none. Kept while it does not follow by itself (frozen, or coordinated), and after that
  // until it is at the tip.
  std::string newest;
  // Of hash, target and newest; without a hash where nothing is known.
  CommitInfo commit, target_commit, newest_commit;
  // Of poll_error, source_error, and, in DIFF, of the state.
  StateReason poll_reason = StateReason::kNone, source_reason = StateReason::kNone;
  StateReason state_reason = StateReason::kNone;

  bool operator==(const ServiceRecord&) const = default;
};

// One entry of a service's history.
struct ChangeRecord {
  absl::Time time;
  std::string from_hash, to_hash;
  State from_state = State::kOk, to_state = State::kOk;
  std::string reason;
  Actor actor;
  absl::Duration duration;
  CommitInfo commit;  // of to_hash

  bool operator==(const ChangeRecord&) const = default;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_STATE_STATE_H_
