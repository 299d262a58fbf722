#ifndef GITOPS_AGENT_STATE_DECIDE_H_
#define GITOPS_AGENT_STATE_DECIDE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/state/state.h"

namespace gitops {

// What a service does next, and what each outcome makes of its record. Plain functions: no clock,
// no disk, no network. Each On… function takes the record as it is and returns it as it is after;
// state and info are always derived from the rest by Settled().

// The parts of a service's configuration that decide.
struct Policy {
  bool coordinated = false;
  bool rollback_on_failure = true;
};

// A service of which nothing is stored yet: DIFF until its first revision is published, or OK if it
// waits for a deployment.
ServiceRecord NewRecord(const Policy& policy);

// The revision the service should be at: the pin, the one it is frozen at, what a deployment asked
// for, or the tip. Empty: nothing is to be published (yet).
std::string DesiredRevision(const ServiceRecord& record, const Policy& policy);

// What to do about it.
struct Step {
  enum class Kind {
    kNone,      // it is where it should be
    kCompare,   // see whether going from `published` to `revision` changes anything; OnSameContent
                // if not, otherwise as kPublish
    kPublish,   // make `revision` ready, publish it and activate it
    kActivate,  // `revision` is published but not (successfully) activated
  };
  Kind kind = Kind::kNone;
  std::string revision;
  // What the service's hash is when this is done: differs from `revision` where the commits between
  // the two change nothing of this service.
  std::string hash;

  bool operator==(const Step&) const = default;
};

// `visible` is what is published on this host in fact (Publisher::Published).
Step NextStep(const ServiceRecord& record, const Policy& policy, absl::string_view visible);

// The record with its state and info derived from the rest.
ServiceRecord Settled(ServiceRecord record);

// The upstream answered with `tip`, or did not.
ServiceRecord OnTip(ServiceRecord record, const std::string& tip);
ServiceRecord OnPollFailed(ServiceRecord record, const std::string& error);

// `revision` changes nothing of this service.
ServiceRecord OnSameContent(ServiceRecord record, const std::string& revision);

// The target could not be made ready or be published; what was published before still is.
ServiceRecord OnSourceFailed(ServiceRecord record, const std::string& error);

// Written down before files are exchanged, and when they have been.
ServiceRecord OnPublishing(ServiceRecord record, const std::string& revision);
ServiceRecord OnPublished(ServiceRecord record, const Step& step);

// The published revision was activated, or could not be.
ServiceRecord OnActivated(ServiceRecord record);
ServiceRecord OnActivationFailed(ServiceRecord record, const std::string& error);

// The revision to publish instead of the one whose activation just failed; empty: leave it.
// A rollback that fails always goes back.
std::string FallbackRevision(const ServiceRecord& record, const Policy& policy);

// The fallback is published, and then activated (unless `error`).
ServiceRecord OnFallbackPublished(ServiceRecord record, const std::string& fallback);
ServiceRecord OnFellBack(ServiceRecord record, const std::string& fallback,
                         const std::string& error);

// What is published was looked at: paths that were changed (empty: none), and the unit's health
// (empty: healthy; this does not take back a failed activation).
ServiceRecord OnDrift(ServiceRecord record, const std::string& drift);
ServiceRecord OnHealth(ServiceRecord record, const std::string& error);

// What people ask for.
ServiceRecord OnFreeze(ServiceRecord record, const std::string& actor);
ServiceRecord OnUnfreeze(ServiceRecord record);
ServiceRecord OnRollback(ServiceRecord record, const std::string& revision,
                         const std::string& actor);

// A deployment asks a coordinated service to go to `revision`.
ServiceRecord OnSync(ServiceRecord record, const std::string& revision);

// The service is at `revision`, activated and as it was published. That its upstream does not
// answer is no fault of that.
bool IsHealthyAt(const ServiceRecord& record, absl::string_view revision);

// A rollback is still on its way, or keeps failing.
bool MovingToPin(const ServiceRecord& record);

// The time between two polls: `fraction` (0 to 1) of up to half the interval is taken off, so that
// many agents do not ask at the same moment and none asks later than it was told to.
absl::Duration Jittered(absl::Duration poll, double fraction);

}  // namespace gitops

#endif  // GITOPS_AGENT_STATE_DECIDE_H_
