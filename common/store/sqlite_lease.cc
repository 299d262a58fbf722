#include "common/store/sqlite_lease.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/sync/start_thread.h"

namespace gitops {

SqliteLeaseTimer::SqliteLeaseTimer(Clock* clock, std::function<absl::Status()> end_due)
    : clock_(clock), end_due_(std::move(end_due)) {}

SqliteLeaseTimer::~SqliteLeaseTimer() { Stop(); }

void SqliteLeaseTimer::Stop() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void SqliteLeaseTimer::Schedule(SteadyTime next_end) {
  MutexLock lock(mutex_);
  SetNextEnd(next_end);
}

void SqliteLeaseTimer::ScheduleNoLaterThan(SteadyTime end) {
  MutexLock lock(mutex_);
  if (end < next_end_) SetNextEnd(end);
}

void SqliteLeaseTimer::SetNextEnd(SteadyTime next_end) {
  if (stopping_) return;
  const bool changed = std::exchange(next_end_, next_end) != next_end;
  if (thread_.joinable()) {
    if (changed) wake_.NotifyAll();
    return;
  }
  if (next_end == SteadyTime::Infinite()) return;
  absl::StatusOr<std::thread> thread = StartThread("end leases", [this] { Loop(); });
  if (thread.ok()) {
    thread_ = *std::move(thread);
  } else {
    // Each commit ends due leases too, and tries this again.
    LogError("leases end late", {{"error", std::string(thread.status().message())}});
  }
}

void SqliteLeaseTimer::Loop() {
  while (AwaitEnd()) {
    if (end_due_().ok()) continue;
    Schedule(clock_->SteadyNow() + kLeaseRetry);
  }
}

// Returns false when stopping.
bool SqliteLeaseTimer::AwaitEnd() {
  MutexLock lock(mutex_);
  while (!stopping_ && clock_->SteadyNow() < next_end_) clock_->WaitUntil(mutex_, wake_, next_end_);
  return !stopping_;
}

}  // namespace gitops
