#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {
namespace {

constexpr absl::Duration kCatchUpTimeout = absl::Hours(1);
// A host whose agent does not report can only be found by trying.
constexpr absl::Duration kTryPeriod = absl::Seconds(15);

}  // namespace

// Makes unreachable hosts begin again when they come back, and all of them now and then.
void DeploymentRun::Await(const Decision& decision) {
  if (decision.await.empty()) return;
  const SteadyTime now = SteadyNow();
  if (next_try_ == SteadyTime::InfinitePast()) next_try_ = now + kTryPeriod;
  const bool all = now >= next_try_;
  if (all) next_try_ = now + kTryPeriod;
  std::vector<int> back;
  bool only_waiting = false;
  {
    MutexLock lock(mutex_);
    for (const int index : decision.await) {
      const std::string& host = slots_[index].entry.host.host();
      if (all || heard_.contains(host)) back.push_back(index);
      heard_.erase(host);
    }
    for (const int index : back) slots_[index].retry = true;
    woken_ |= !back.empty();
    only_waiting = decision.only_await && workers_ == 0 && !entry_.state.has_catch_up_until();
  }
  if (!only_waiting) return;
  const absl::Duration timeout =
      DurationOr(facts_.deployment.spec().rollout().catch_up_timeout(), kCatchUpTimeout);
  const absl::Time until = DecisionTime() + timeout;
  (void)ChangeUntilStored([&](Entry& entry) {
    *entry.state.mutable_catch_up_until() = ToTimestamp(until);
    AddEvent(entry, Now(),
             absl::StrCat("waits for ", decision.await.size(), " unreachable hosts until ",
                          absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone())));
  });
  ReleaseDone();
}

void DeploymentRun::HeardOf(const std::string& host) {
  absl::StatusOr<FleetHost> found = options().fleet->Find(host);
  if (!found.ok() || found->host.state() != v1::HOST_STATE_ONLINE) return;
  MutexLock lock(mutex_);
  for (const Slot& slot : slots_) {
    if (slot.state() != v1::HOST_DEPLOYMENT_STATE_UNREACHABLE || slot.entry.host.host() != host)
      continue;
    heard_.insert(host);
    woken_ = true;
    changed_.NotifyAll();
  }
}

}  // namespace gitops
