#ifndef GITOPS_AGENT_STATE_DECIDE_H_
#define GITOPS_AGENT_STATE_DECIDE_H_

#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/state/state.h"
#include "common/git/commit.h"
#include "common/rpc/state_reason.h"

namespace gitops {

// Decides what a service does next, and how each event changes its record. Pure functions: no
// clock, no disk, no network. Each On… function takes the record before the event and returns the
// record after it; Settled() always derives state and info from the other fields.

// The parts of a service's configuration that decisions depend on.
struct Policy {
  bool coordinated = false;
  bool rollback_on_failure = true;
};

// The record of a new service: DIFF until its first revision is published, or OK if it waits for a
// deployment.
ServiceRecord NewRecord(const Policy& policy);

// The revision that the service should be at: the pin, the one at which it is frozen, the one of a
// deployment, or the tip. Empty: nothing should be published (yet).
std::string DesiredRevision(const ServiceRecord& record, const Policy& policy);

// The next step towards it.
struct Step {
  enum class Kind {
    kNone,      // the service is at its target
    kCompare,   // check whether the move from `published` to `revision` changes anything:
                // OnSameContent if not, else as kPublish
    kPublish,   // prepare `revision`, publish it and activate it
    kActivate,  // `revision` is published but not (successfully) activated
  };
  Kind kind = Kind::kNone;
  std::string revision;
  // The service's hash after this step: differs from `revision` if the commits between the two
  // change nothing of this service.
  std::string hash;

  bool operator==(const Step&) const = default;
};

// `visible` is the revision that is actually published on this host (Publisher::Published).
Step NextStep(const ServiceRecord& record, const Policy& policy, absl::string_view visible);

// The record with state and info derived from the other fields. What it knows of commits stays
// beside their hashes.
ServiceRecord Settled(ServiceRecord record);

// `moving`: an attempt to move to another revision runs. The first that fits: NEVER, PROGRESSING,
// BEHIND, CURRENT.
SyncStatus SyncOf(const ServiceRecord& record, const Policy& policy, bool moving);

// What is known of a commit; it changes nothing if the record does not name it.
ServiceRecord OnCommit(ServiceRecord record, const CommitInfo& commit);

// What it knows of the commit `hash`; without a hash: nothing.
CommitInfo CommitOf(const ServiceRecord& record, absl::string_view hash);

// The upstream answered with `tip`, or did not.
ServiceRecord OnTip(ServiceRecord record, const std::string& tip);
ServiceRecord OnPollFailed(ServiceRecord record, const std::string& error,
                           StateReason reason = StateReason::kNone);

// What a poll found of the branch for a service that does not follow it by itself: see
// ServiceRecord::newest.
ServiceRecord OnNewest(ServiceRecord record, const std::string& newest);

// `revision` changes nothing of this service.
ServiceRecord OnSameContent(ServiceRecord record, const std::string& revision);

// The configuration names these paths. If they are others than before, a revision that was verified
// to change nothing of the service may change something of it now: the service is at the revision
// whose files are published, and moves from there.
ServiceRecord OnLinks(ServiceRecord record, const std::set<std::string>& links);

// Whether nothing but the tip of the branch has changed: the target, and the hash with it unless
// the service is coordinated.
bool OnlyTipMoved(const ServiceRecord& before, const ServiceRecord& after, const Policy& policy);

// The target could not be prepared or published; the previous revision is still published.
ServiceRecord OnSourceFailed(ServiceRecord record, const std::string& error,
                             StateReason reason = StateReason::kNone);

// Stored before files are exchanged, and after it.
ServiceRecord OnPublishing(ServiceRecord record, const std::string& revision);
ServiceRecord OnPublished(ServiceRecord record, const Step& step);

// The published revision was activated, or its activation failed.
ServiceRecord OnActivated(ServiceRecord record);
ServiceRecord OnActivationFailed(ServiceRecord record, const std::string& error);

// The revision to publish instead of the one whose activation just failed; empty: none. A failed
// rollback always returns to the previous revision.
std::string FallbackRevision(const ServiceRecord& record, const Policy& policy);

// The fallback is published, and then activated (unless `error`).
ServiceRecord OnFallbackPublished(ServiceRecord record, const std::string& fallback);
ServiceRecord OnFellBack(ServiceRecord record, const std::string& fallback,
                         const std::string& error);

// The result of a drift check: changed paths (empty: none), and the unit's health (empty: healthy;
// this does not clear a failed activation).
ServiceRecord OnDrift(ServiceRecord record, const std::string& drift);
ServiceRecord OnHealth(ServiceRecord record, const std::string& error);

// Commands of people.
ServiceRecord OnFreeze(ServiceRecord record, const Actor& actor, const std::string& reason = "");
ServiceRecord OnUnfreeze(ServiceRecord record);
ServiceRecord OnRollback(ServiceRecord record, const std::string& revision, const Actor& actor,
                         const std::string& reason = "");

// A deployment moves a coordinated service to `revision`.
ServiceRecord OnSync(ServiceRecord record, const std::string& revision);

// Whether the service is at `revision`, activated and without drift. An upstream that does not
// answer does not matter.
bool IsHealthyAt(const ServiceRecord& record, absl::string_view revision);

// Whether a rollback is in progress, or keeps failing.
bool MovingToPin(const ServiceRecord& record);

// The time between two polls: `fraction` (0 to 1) of half the interval is subtracted, so that many
// agents do not poll at the same moment and none polls later than configured.
absl::Duration Jittered(absl::Duration poll, double fraction);

}  // namespace gitops

#endif  // GITOPS_AGENT_STATE_DECIDE_H_
