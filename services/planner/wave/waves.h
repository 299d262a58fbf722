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

// How a deployment proceeds over its hosts: which begin, when it pauses, when it stops. Plain
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
  std::optional<Amount> batch;  // none: all remaining hosts
  int max_parallel = 1;
  // None: 0, and unreachable hosts are not counted (ADR 0014).
  std::optional<Amount> max_failures;
  absl::Duration pause_between;
  v1::Rollout::OnFailure on_failure = v1::Rollout::ON_FAILURE_UNSPECIFIED;  // stop
  bool catch_up = false;
};

// INVALID_ARGUMENT: an amount that is none, or a negative number; names the field.
absl::StatusOr<RolloutPolicy> RolloutPolicyOf(const v1::Rollout& rollout);

// The wave of each of `hosts` hosts, in order; waves are numbered from 1.
std::vector<int> MakeWaves(int hosts, const RolloutPolicy& policy);

// A host that is being rolled back is RUNNING too.
inline bool IsUnderWay(v1::HostDeploymentState state) {
  return state == v1::HOST_DEPLOYMENT_STATE_RUNNING;
}
// STOPPED counts as not begun.
inline bool IsToBegin(v1::HostDeploymentState state) {
  return state == v1::HOST_DEPLOYMENT_STATE_PENDING || state == v1::HOST_DEPLOYMENT_STATE_STOPPED;
}
// It is done, unless it is rolled back.
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
  // Why no more hosts may begin (a hook error, lost locks); empty: they may.
  std::string halted;
  // The end of the current or last pause between waves.
  std::optional<absl::Time> pause_until;
  // The wave before that pause; 0: no pause yet.
  int paused_after = 0;
  // The wave that is being rolled back; 0: none.
  int rollback_wave = 0;
  // The time limit for unreachable hosts is over.
  bool catch_up_over = false;
};

struct Decision {
  // Indices of hosts to begin now; they count as RUNNING from now on.
  std::vector<int> begin;
  // Indices of unreachable hosts to make PENDING again when they come back.
  std::vector<int> await;
  // Nothing else is left to do until one of `await` comes back or the time limit is over.
  bool only_await = false;
  // Running hosts must stop after their current step.
  bool stop_running = false;
  // This wave has ended: store pause_until = now + pause_between and paused_after, then decide
  // again. 0: no.
  int pause_after_wave = 0;
  // Begin to roll back this wave; 0: no.
  int begin_rollback_wave = 0;
  // Indices of hosts to roll back now, the last begun first. Hosts that moved nothing are included;
  // they end as ROLLED_BACK at once.
  std::vector<int> roll_back;
  // The deployment has ended, and no host is running.
  enum class End { kNone, kSucceeded, kFailed, kCancelled } end = End::kNone;
  // Why, for people: "2 hosts failed, more than --max-failures 1".
  std::string reason;
};

// Decides what to do now.
//
// At most max_parallel hosts are under way (running or being rolled back), including those that ran
// before a restart. When more hosts have failed than max_failures, no more hosts begin, and running
// ones continue to their end; when the deployment is cancelled or halted, running hosts stop
// between two steps. Without max_failures, a canary that could not be tried because none of its
// hosts was reachable ends the deployment before the next wave, unless on_failure is CONTINUE; with
// catch_up, the deployment waits for the canary first (ADR 0014). A host that failed or could not
// be reached makes the end kFailed, also within max_failures.
Decision Decide(const RolloutPolicy& policy, const RolloutStand& stand, absl::Time now);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_WAVE_WAVES_H_
