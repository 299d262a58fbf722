#include "services/planner/testing/gate.h"

namespace gitops {

bool Gate::Pass(const std::function<bool()>& give_up) {
  constexpr std::chrono::milliseconds kAskEvery(2);
  MutexLock lock(mutex_);
  const int64_t before = releases_;
  ++standing_;
  changed_.NotifyAll();
  bool gave_up = false;
  while (releases_ == before && !gave_up) {
    if (!give_up) {
      changed_.Wait(mutex_);
      continue;
    }
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kAskEvery);
    mutex_.Unlock();
    gave_up = give_up();
    mutex_.Lock();
  }
  --standing_;
  changed_.NotifyAll();
  return releases_ != before;
}

void Gate::Release() {
  MutexLock lock(mutex_);
  ++releases_;
  changed_.NotifyAll();
}

int Gate::standing() {
  MutexLock lock(mutex_);
  return standing_;
}

bool Gate::AwaitStanding(int count, std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  MutexLock lock(mutex_);
  while (standing_ < count) {
    if (!changed_.WaitUntil(mutex_, deadline)) return standing_ >= count;
  }
  return true;
}

bool Gate::AwaitNone(std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  MutexLock lock(mutex_);
  while (standing_ > 0) {
    if (!changed_.WaitUntil(mutex_, deadline)) return standing_ == 0;
  }
  return true;
}

}  // namespace gitops
