#include "services/planner/wave/waves.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

// The states of all hosts, counted.
struct Tally {
  int total = 0;
  int under_way = 0;
  int failed = 0;
  int unreachable = 0;
  // The first wave with hosts to begin or under way; 0: none.
  int current_wave = 0;
  // The last wave in which any host began; 0: none.
  int begun_wave = 0;
  int last_wave = 0;
};

Tally Count(const RolloutStand& stand) {
  Tally tally;
  tally.total = static_cast<int>(stand.hosts.size());
  for (const HostStand& host : stand.hosts) {
    const bool open = IsToBegin(host.state) || IsUnderWay(host.state);
    if (IsUnderWay(host.state)) ++tally.under_way;
    if (host.state == v1::HOST_DEPLOYMENT_STATE_FAILED) ++tally.failed;
    if (host.state == v1::HOST_DEPLOYMENT_STATE_UNREACHABLE) ++tally.unreachable;
    if (open && (tally.current_wave == 0 || host.wave < tally.current_wave)) {
      tally.current_wave = host.wave;
    }
    if (host.state != v1::HOST_DEPLOYMENT_STATE_PENDING)
      tally.begun_wave = std::max(tally.begun_wave, host.wave);
    tally.last_wave = std::max(tally.last_wave, host.wave);
  }
  return tally;
}

int FailureLimit(const RolloutPolicy& policy, int hosts) {
  return policy.max_failures.has_value() ? policy.max_failures->RoundedDown(hosts) : 0;
}

// Failures as --max-failures counts them. Without it, unreachable hosts do not count: a host that
// is off proves nothing about the change.
int CountedFailures(const RolloutPolicy& policy, const Tally& tally) {
  return tally.failed + (policy.max_failures.has_value() ? tally.unreachable : 0);
}

// "1 host failed and 2 hosts could not be reached"
std::string FailureText(const Tally& tally) {
  std::string text;
  if (tally.failed > 0) absl::StrAppend(&text, Counted(tally.failed, "host"), " failed");
  if (tally.unreachable > 0) {
    absl::StrAppend(&text, text.empty() ? "" : " and ", Counted(tally.unreachable, "host"),
                    " could not be reached");
  }
  return text;
}

// Whether the canary is over but was not tried, because none of its hosts could be reached. With
// max_failures, only that number decides.
bool CanaryWasNotTried(const RolloutPolicy& policy, const RolloutStand& stand, const Tally& tally) {
  constexpr int kCanaryWave = 1;
  if (policy.canary == 0 || policy.max_failures.has_value()) return false;
  if (policy.on_failure == v1::Rollout::ON_FAILURE_CONTINUE) return false;
  if (tally.begun_wave != kCanaryWave || tally.current_wave == kCanaryWave) return false;
  if (tally.last_wave == kCanaryWave) return false;
  return std::all_of(stand.hosts.begin(), stand.hosts.end(), [&](const HostStand& host) {
    return host.wave != kCanaryWave || host.state == v1::HOST_DEPLOYMENT_STATE_UNREACHABLE;
  });
}

// Whether the next wave waits until the canary can be tried.
bool AwaitsCanary(const RolloutPolicy& policy, const RolloutStand& stand, const Tally& tally) {
  return policy.catch_up && !stand.catch_up_over && CanaryWasNotTried(policy, stand, tally);
}

// Why no more hosts may begin; empty: they may.
std::string WhyStop(const RolloutPolicy& policy, const RolloutStand& stand, const Tally& tally) {
  if (policy.on_failure == v1::Rollout::ON_FAILURE_CONTINUE) return "";
  const int limit = FailureLimit(policy, tally.total);
  if (CountedFailures(policy, tally) > limit) {
    return absl::StrCat(FailureText(tally), ", more than --max-failures ", limit);
  }
  if (AwaitsCanary(policy, stand, tally)) return "";
  if (!CanaryWasNotTried(policy, stand, tally)) return "";
  return absl::StrCat("the canary was not tried: ", FailureText(tally),
                      "; the next wave is not begun (to go on without it, give --max-failures)");
}

Decision Ended(Decision::End end, std::string reason) {
  Decision decision;
  decision.end = end;
  decision.reason = std::move(reason);
  return decision;
}

// For when no more hosts begin and none is running.
Decision EndFailed(const RolloutPolicy& policy, const Tally& tally, std::string reason) {
  if (policy.on_failure != v1::Rollout::ON_FAILURE_ROLLBACK || tally.begun_wave == 0) {
    return Ended(Decision::End::kFailed, std::move(reason));
  }
  Decision decision;
  decision.begin_rollback_wave = tally.begun_wave;
  decision.reason = std::move(reason);
  return decision;
}

Decision DecideRollback(const RolloutPolicy& policy, const RolloutStand& stand,
                        const Tally& tally) {
  Decision decision;
  int free = policy.max_parallel - tally.under_way;
  for (int i = tally.total - 1; i >= 0; --i) {
    const HostStand& host = stand.hosts[i];
    const bool was_begun = host.state == v1::HOST_DEPLOYMENT_STATE_SUCCEEDED ||
                           host.state == v1::HOST_DEPLOYMENT_STATE_FAILED ||
                           host.state == v1::HOST_DEPLOYMENT_STATE_STOPPED;
    if (host.wave != stand.rollback_wave || !was_begun) continue;
    if (free-- <= 0) return decision;
    decision.roll_back.push_back(i);
  }
  if (decision.roll_back.empty() && tally.under_way == 0) {
    return Ended(Decision::End::kFailed,
                 absl::StrCat("wave ", stand.rollback_wave, " was rolled back"));
  }
  return decision;
}

// The hosts of the current wave that may begin within max_parallel.
std::vector<int> HostsToBegin(const RolloutPolicy& policy, const RolloutStand& stand,
                              const Tally& tally) {
  std::vector<int> begin;
  int free = policy.max_parallel - tally.under_way;
  for (int i = 0; i < tally.total && free > 0; ++i) {
    const HostStand& host = stand.hosts[i];
    if (host.wave != tally.current_wave || !IsToBegin(host.state)) continue;
    begin.push_back(i);
    --free;
  }
  return begin;
}

// None for an empty text.
absl::StatusOr<std::optional<Amount>> AmountOf(const char* field, const std::string& text) {
  if (text.empty()) return std::nullopt;
  absl::StatusOr<Amount> amount = ParseAmount(text);
  if (amount.ok()) return *amount;
  return InvalidField(field, absl::StrCat(field, ": ", amount.status().message()));
}

}  // namespace

int Amount::RoundedUp(int of) const {
  if (!percent) return value;
  return static_cast<int>((int64_t{value} * of + 99) / 100);
}

int Amount::RoundedDown(int of) const {
  return percent ? static_cast<int>(int64_t{value} * of / 100) : value;
}

absl::StatusOr<Amount> ParseAmount(absl::string_view text) {
  Amount amount;
  absl::string_view digits = text;
  amount.percent = absl::ConsumeSuffix(&digits, "%");
  const bool number = std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                      absl::SimpleAtoi(digits, &amount.value);
  if (!number || (amount.percent && amount.value > 100)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is neither a number of hosts nor a percentage up to 100%"));
  }
  return amount;
}

absl::StatusOr<RolloutPolicy> RolloutPolicyOf(const v1::Rollout& rollout) {
  if (rollout.canary() < 0 || rollout.max_parallel() < 0) {
    const char* const field = rollout.canary() < 0 ? "rollout.canary" : "rollout.max_parallel";
    return InvalidField(field, absl::StrCat(field, " is negative; give the number of hosts"));
  }
  const absl::StatusOr<std::optional<Amount>> batch = AmountOf("rollout.batch", rollout.batch());
  if (!batch.ok()) return batch.status();
  const absl::StatusOr<std::optional<Amount>> failures =
      AmountOf("rollout.max_failures", rollout.max_failures());
  if (!failures.ok()) return failures.status();
  return RolloutPolicy{.canary = rollout.canary(),
                       .batch = *batch,
                       .max_parallel = std::max(rollout.max_parallel(), 1),
                       .max_failures = *failures,
                       .pause_between = DurationOr(rollout.pause_between(), absl::ZeroDuration()),
                       .on_failure = rollout.on_failure(),
                       .catch_up = rollout.catch_up()};
}

std::vector<int> MakeWaves(int hosts, const RolloutPolicy& policy) {
  std::vector<int> waves(hosts);
  const int canary = std::min(policy.canary, hosts);
  const int first = canary > 0 ? 2 : 1;
  const int batch = policy.batch.has_value() ? std::max(policy.batch->RoundedUp(hosts), 1) : hosts;
  for (int i = 0; i < hosts; ++i) waves[i] = i < canary ? 1 : first + (i - canary) / batch;
  return waves;
}

Decision Decide(const RolloutPolicy& policy, const RolloutStand& stand, absl::Time now) {
  const Tally tally = Count(stand);
  if (stand.rollback_wave > 0) return DecideRollback(policy, stand, tally);
  Decision decision;
  if (stand.cancelled || !stand.halted.empty()) {
    decision.stop_running = true;
    if (tally.under_way > 0) return decision;
    if (stand.cancelled) return Ended(Decision::End::kCancelled, "it was cancelled");
    return EndFailed(policy, tally, stand.halted);
  }
  if (const std::string why = WhyStop(policy, stand, tally); !why.empty()) {
    return tally.under_way > 0 ? decision : EndFailed(policy, tally, why);
  }
  if (policy.catch_up && !stand.catch_up_over) {
    for (int i = 0; i < tally.total; ++i) {
      if (stand.hosts[i].state == v1::HOST_DEPLOYMENT_STATE_UNREACHABLE)
        decision.await.push_back(i);
    }
  }
  if (AwaitsCanary(policy, stand, tally)) {
    decision.only_await = true;
    decision.reason = absl::StrCat("the canary is waited for: ", FailureText(tally));
    return decision;
  }
  if (tally.current_wave == 0) {
    if (!decision.await.empty()) {
      decision.only_await = true;
      return decision;
    }
    const std::string failures = FailureText(tally);
    return Ended(failures.empty() ? Decision::End::kSucceeded : Decision::End::kFailed, failures);
  }
  const int before = tally.current_wave - 1;
  const bool next_wave = tally.begun_wave == before && before > 0;
  if (next_wave && policy.pause_between > absl::ZeroDuration()) {
    if (stand.paused_after < before) {
      decision.pause_after_wave = before;
      return decision;
    }
    if (stand.pause_until.has_value() && now < *stand.pause_until) return decision;
  }
  decision.begin = HostsToBegin(policy, stand, tally);
  return decision;
}

}  // namespace gitops
