#include "agent/controller/stop_before.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/time.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr absl::Duration kMaxWait = absl::Seconds(10);
constexpr std::chrono::milliseconds kCheck{100};

}  // namespace

StopBefore::StopBefore(Clock* clock, const Patience& patience) {
  const absl::Time now = clock->Now();
  const absl::Time until = now + std::min(kMaxWait, (patience.deadline - now) / 2);
  auto thread = StartThread("look at a caller's time limit", [this, clock, patience, until] {
    MutexLock lock(mutex_);
    while (!is_done_ && clock->Now() < until && !patience.cancelled()) {
      done_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCheck);
    }
    if (!is_done_) stop_.request_stop();
  });
  if (thread.ok()) {
    thread_ = *std::move(thread);
  } else {
    stop_.request_stop();
  }
}

StopBefore::~StopBefore() {
  {
    MutexLock lock(mutex_);
    is_done_ = true;
    done_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace gitops
