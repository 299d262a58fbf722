#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "services/planner/run/deployment_run.h"
#include "services/planner/run/new_entries.h"

namespace gitops {
namespace {

// Later operations on the host must not reuse the numbers of an interrupted rollback, since the
// agent would return the results of that rollback.
void SkipNumbers(HostRecord& entry) {
  record::v1::HostProgress& progress = entry.progress;
  progress.set_steps(progress.steps() + 1);
  progress.set_moves(progress.moves() + entry.host.moves_size() + 1);
}

}  // namespace

// False: the deployment was cancelled (and has ended), or this process is leaving.
bool DeploymentRun::TakeLocks() {
  // Hosts that an earlier process left under way need their locks even then.
  const bool under_way = UnderWay();
  const auto cancelled = [&] {
    MutexLock lock(mutex_);
    return entry_.state.cancel_requested() && !under_way;
  };
  HostLocks::Request request;
  request.deployment = id();
  request.actor = ReadActor(facts_.deployment);
  request.hosts = HostsToLock();
  request.take_over = options().sole_planner;
  request.resume = facts_.deployment.state() == v1::DEPLOYMENT_STATE_PENDING;
  request.waiting = [this](const std::vector<v1::HostLock>& holders) { WaitsForLocks(holders); };
  request.give_up = [&] { return leaving() || cancelled(); };
  CrashPoint("planner-before-lock");
  // Also if there is no lock to take: an earlier process may have left some to release.
  for (int attempt = 1; locks_ == nullptr; ++attempt) {
    absl::StatusOr<std::unique_ptr<HeldLocks>> locks = options().locks->Acquire(request);
    if (locks.ok()) {
      locks_ = *std::move(locks);
      break;
    }
    if (leaving()) return false;
    if (cancelled()) {
      Count("it was cancelled while it waited for locks");
      Finish(v1::DEPLOYMENT_STATE_CANCELLED, "");
      return false;
    }
    if (!absl::IsUnavailable(locks.status())) {
      StoreFailed(locks.status());
      return false;
    }
    StoreTrouble(locks.status());
    Count("");
    if (!Pause(kStoreBackoff.After(attempt))) return false;
  }
  StoreTrouble(absl::OkStatus());
  // Needed while no host calls CheckLock(): in a pause, or during a long action.
  locks_->WhenLost(
      [this](const std::string& why) { Leave(v1::DEPLOYMENT_STATE_INTERRUPTED, why); });
  return !leaving();
}

bool DeploymentRun::UnderWay() {
  MutexLock lock(mutex_);
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return IsUnderWay(slot.state()); });
}

// With rollback on failure, all locks are needed until the end; otherwise not those of hosts that
// are done.
std::vector<std::string> DeploymentRun::HostsToLock() {
  MutexLock lock(mutex_);
  std::vector<std::string> hosts;
  for (const Slot& slot : slots_) {
    const bool needed =
        !IsThrough(slot.state()) || policy_.on_failure == v1::Rollout::ON_FAILURE_ROLLBACK;
    if (needed) hosts.push_back(slot.entry.host.host());
  }
  return hosts;
}

void DeploymentRun::WaitsForLocks(const std::vector<v1::HostLock>& holders) {
  if (holders.empty()) return;
  const v1::HostLock& first = holders.front();
  const size_t more = holders.size() - 1;
  const std::string message = absl::StrCat(
      "waits for host ", first.host(), ", which deployment ", first.deployment(), " of ",
      first.actor(), " has locked since ",
      absl::FormatTime(absl::RFC3339_sec, FromTimestamp(first.acquire_time()), absl::UTCTimeZone()),
      more > 0 ? absl::StrCat(", and for ", more, " more") : "");
  // Only informative: if it cannot be stored, nothing waits for it.
  (void)Change([&](Entry& entry) {
    entry.deployment.set_message(message);
    AddEvent(entry, Now(), message);
  });
}

DeploymentRun::LockState DeploymentRun::CheckLock(const std::string& host) {
  LockState state;
  for (int attempt = 1;; ++attempt) {
    const absl::StatusOr<int64_t> fencing = locks_->Check(host);
    if (fencing.ok()) {
      if (attempt > 1) StoreTrouble(absl::OkStatus());
      state.kind = LockState::Kind::kHeld;
      state.fencing = *fencing;
      return state;
    }
    if (absl::IsAborted(fencing.status())) {
      state.kind = LockState::Kind::kBroken;
      state.why = absl::StrCat("its lock was broken: ", fencing.status().message());
      return state;
    }
    if (absl::IsFailedPrecondition(fencing.status())) {
      Leave(v1::DEPLOYMENT_STATE_INTERRUPTED, std::string(fencing.status().message()));
      return state;
    }
    if (!absl::IsUnavailable(fencing.status())) {
      StoreFailed(fencing.status());
      return state;
    }
    StoreTrouble(fencing.status());
    if (!Pause(kStoreBackoff.After(attempt))) return state;
  }
}

// Only the first reason counts.
void DeploymentRun::Leave(v1::DeploymentState end, const std::string& why) {
  MutexLock lock(mutex_);
  if (!lost_why_.empty()) return;
  lost_why_ = why;
  lost_end_ = end;
  lost_ = true;
  woken_ = true;
  changed_.NotifyAll();
}

absl::Status DeploymentRun::AddNote(const std::string& message, const Actor& actor) {
  return Change([&](Entry& entry) { AddEvent(entry, Now(), message, actor); });
}

// Releases the locks of hosts that are done, while the deployment only waits for unreachable ones.
void DeploymentRun::ReleaseDone() {
  if (released_done_ || locks_ == nullptr || policy_.on_failure == v1::Rollout::ON_FAILURE_ROLLBACK)
    return;
  released_done_ = true;
  std::vector<std::string> through;
  {
    MutexLock lock(mutex_);
    for (const Slot& slot : slots_) {
      const std::string& host = slot.entry.host.host();
      if (IsThrough(slot.state()) && locks_->fencing().contains(host)) through.push_back(host);
    }
  }
  for (const std::string& host : through) (void)locks_->Release(host);
}

// Leaves the deployment before its end: hosts that were under way stay where they are, the record
// says so as far as it can be stored, and the remaining locks are released.
void DeploymentRun::Interrupt() {
  const absl::StatusOr<Entry> stored_entry = options().store->Load(id());
  // Another planner may have resumed it since; then its record belongs to that planner.
  if (stored_entry.ok() && (stored_entry->deployment.planner() != options().planner ||
                            HasEnded(stored_entry->deployment.state()))) {
    return;
  }
  lost_ = false;  // so that the following writes may wait for the store
  Decision decision;
  {
    const absl::Time now = Now();
    MutexLock lock(mutex_);
    decision = Decide(policy_, Stand(now), now);
  }
  Count(decision.reason);
  // Nothing was left to do, so there is nothing to resume.
  if (Ends(decision)) return;
  std::string why;
  v1::DeploymentState end;
  std::vector<std::pair<int, HostRecord>> left;
  {
    MutexLock lock(mutex_);
    why = lost_why_;
    end = lost_end_;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (IsUnderWay(slots_[i].state())) left.emplace_back(static_cast<int>(i), slots_[i].entry);
    }
  }
  for (auto& [index, host] : left) {
    const bool back = std::exchange(host.rolling_back, false);
    if (back) SkipNumbers(host);
    EndHost(host,
            back ? v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED : v1::HOST_DEPLOYMENT_STATE_STOPPED,
            absl::StrCat(back ? "left during its rollback: " : "left on the way: ", why), Now());
    // Perhaps this is what cannot be stored.
    if (!StoreHost(index, host, nullptr) && leaving()) return;
    MutexLock lock(mutex_);
    slots_[index].entry = std::move(host);
  }
  Count("");
  if (end == v1::DEPLOYMENT_STATE_FAILED) ReleaseLocks();
  End(end, [&](Entry& entry) {
    entry.deployment.set_message(why);
    AddEvent(entry, Now(), why);
  });
}

}  // namespace gitops
