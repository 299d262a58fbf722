#ifndef GITOPS_SERVICES_PLANNER_WAVE_WAVES_H_
#define GITOPS_SERVICES_PLANNER_WAVE_WAVES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// How a deployment goes over its hosts: which are begun, when it pauses, when it stops. Plain
// functions over plain values; states of hosts are those of the API (ADR 0022).

// "10" or "25%".
struct Amount {
  int value = 0;
  bool percent = false;

  bool operator==(const Amount&) const = default;
  int RoundedUp(int of) const;  // at least 1 where value is over 0
  int RoundedDown(int of) const;
};
// INVALID_ARGUMENT: neither a number nor a percentage, negative, over 100%.
absl::StatusOr<Amount> ParseAmount(absl::string_view text);

// v1::Rollout, checked.
struct RolloutPolicy {
  int canary = 0;
  std::optional<Amount> batch;  // none: all that are left
  int max_parallel = 1;
  // None: 0, and unreachable hosts are not counted (ADR 0014).
  std::optional<Amount> max_failures;
  absl::Duration pause_between;
  v1::Rollout::OnFailure on_failure = v1::Rollout::ON_FAILURE_UNSPECIFIED;  // stop
  bool catch_up = false;
};

// INVALID_ARGUMENT: an amount that is none, or a negative number; names the field.
absl::StatusOr<RolloutPolicy> RolloutPolicyOf(const v1::Rollout& rollout);

// The wave of each of `hosts` hosts, in order, from 1 on.
std::vector<int> MakeWaves(int hosts, const RolloutPolicy& policy);

// RUNNING is also a host that is being rolled back.
inline bool IsUnderWay(v1::HostDeploymentState state) {
  return state == v1::HOST_DEPLOYMENT_STATE_RUNNING;
}
// STOPPED counts as not begun.
inline bool IsToBegin(v1::HostDeploymentState state) {
  return state == v1::HOST_DEPLOYMENT_STATE_PENDING || state == v1::HOST_DEPLOYMENT_STATE_STOPPED;
}
// Nothing more is done on it, unless it is rolled back.
inline bool IsThrough(v1::HostDeploymentState state) {
  return !IsUnderWay(state) && !IsToBegin(state) && state != v1::HOST_DEPLOYMENT_STATE_UNREACHABLE;
}

struct HostStand {
  int wave = 1;
  v1::HostDeploymentState state = v1::HOST_DEPLOYMENT_STATE_PENDING;
};

struct RolloutStand {
  std::vector<HostStand> hosts;  // in the order of the plan
  bool cancelled = false;
  // Why nothing more is to be begun at all (a hook error, lost locks); empty: nothing.
  std::string halted;
  // Set when a wave has ended and the pause began; the time at which the next may begin.
  std::optional<absl::Time> pause_until;
  // The wave that the pause was after; 0: none yet.
  int paused_after = 0;
  // The wave that is being brought back; 0: none.
  int rollback_wave = 0;
  // The time is over within which unreachable hosts are waited for.
  bool catch_up_over = false;
};

struct Decision {
  // Indices of hosts to begin now; to be counted as RUNNING from now on.
  std::vector<int> begin;
  // Indices of unreachable hosts to make PENDING again when they are heard of.
  std::vector<int> await;
  // Nothing else is to be done until one of `await` is heard of, or the time for it is over.
  bool only_await = false;
  // Running hosts are to stop after the step they are in.
  bool stop_running = false;
  // A wave has ended: store pause_until = now + pause_between, paused_after = this, ask again then.
  int pause_after_wave = 0;
  // Begin to bring this wave back; 0: no.
  int begin_rollback_wave = 0;
  // Hosts to bring back now, the last begun first; also those that moved nothing, which then end as
  // ROLLED_BACK at once.
  std::vector<int> roll_back;
  // It has ended, and nothing runs.
  enum class End { kNone, kSucceeded, kFailed, kCancelled } end = End::kNone;
  // Why, for people: "2 hosts failed, more than --max-failures 1".
  std::string reason;
};

// What to do now.
//
// Never are more than max_parallel hosts under way (running or being brought back), those included
// that ran before a restart. Once more hosts have failed than max_failures, none is begun any more;
// those that run come to their end, unless nothing more is to be done at all (cancelled, halted):
// then they stop between two steps. Where max_failures was not given, a canary that could not be
// tried, because none of its hosts was reached, ends the deployment before the next wave, unless
// on_failure is kContinue; where catch_up waits for such hosts, it is waited for first (ADR 0014).
// A host that failed, or could not be reached, makes the end kFailed, also within max_failures.
Decision Decide(const RolloutPolicy& policy, const RolloutStand& stand, absl::Time now);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_WAVE_WAVES_H_
