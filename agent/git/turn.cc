#include "agent/git/turn.h"

#include <chrono>

namespace gitops {
namespace {

// How often a waiter checks whether it was stopped.
constexpr std::chrono::milliseconds kCheck{50};

}  // namespace

bool Turn::Take(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (true) {
    if (stop.stop_requested()) return false;
    if (!taken_) break;
    given_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCheck);
  }
  taken_ = true;
  return true;
}

void Turn::Give() {
  MutexLock lock(mutex_);
  taken_ = false;
  given_.NotifyOne();
}

}  // namespace gitops
