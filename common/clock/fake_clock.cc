#include "common/clock/fake_clock.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gitops {

absl::Time FakeClock::Now() {
  MutexLock lock(mutex_);
  return now_;
}

SteadyTime FakeClock::SteadyNow() {
  MutexLock lock(mutex_);
  return steady_now_;
}

std::string FakeClock::BootId() {
  MutexLock lock(mutex_);
  return absl::StrCat("boot-", boots_);
}

bool FakeClock::WaitUntil(Mutex& mutex, CondVar& condition, SteadyTime deadline) {
  return Wait(mutex, condition, absl::InfiniteFuture(), deadline);
}

bool FakeClock::WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline) {
  return Wait(mutex, condition, deadline, SteadyTime::Infinite());
}

bool FakeClock::Wait(Mutex& mutex, CondVar& condition, absl::Time deadline,
                     SteadyTime steady_deadline) {
  const Waiter waiter{&mutex, &condition, deadline, steady_deadline};
  std::list<Waiter>::iterator self;
  {
    MutexLock lock(mutex_);
    if (IsDue(waiter)) return false;
    self = waiters_.insert(waiters_.end(), waiter);
    changed_.NotifyAll();
  }
  condition.Wait(mutex);
  // A waker needs `mutex` to finish, so it must be free while we wait for it.
  mutex.Unlock();
  bool due;
  {
    MutexLock lock(mutex_);
    while (self->wakers > 0) changed_.Wait(mutex_);
    due = self->due;
    waiters_.erase(self);
    changed_.NotifyAll();
  }
  mutex.Lock();
  return !due;
}

void FakeClock::Advance(absl::Duration by) {
  std::vector<Waiter*> due;
  {
    MutexLock lock(mutex_);
    now_ += by;
    steady_now_ = steady_now_ + by;
    due = TakeDue();
  }
  Wake(due);
}

void FakeClock::SetTime(absl::Time now) {
  std::vector<Waiter*> due;
  {
    MutexLock lock(mutex_);
    now_ = now;
    due = TakeDue();
  }
  Wake(due);
}

void FakeClock::Reboot() {
  MutexLock lock(mutex_);
  steady_now_ = SteadyTime();
  ++boots_;
}

bool FakeClock::IsDue(const Waiter& waiter) const {
  return waiter.deadline <= now_ || waiter.steady_deadline <= steady_now_;
}

absl::Time FakeClock::DeadlineOf(const Waiter& waiter) const {
  return std::min(waiter.deadline, now_ + (waiter.steady_deadline - steady_now_));
}

std::vector<FakeClock::Waiter*> FakeClock::TakeDue() {
  std::vector<Waiter*> due;
  for (Waiter& waiter : waiters_) {
    if (!IsDue(waiter)) continue;
    waiter.due = true;
    ++waiter.wakers;
    due.push_back(&waiter);
  }
  return due;
}

// Not under mutex_, which waiters acquire while they hold their own mutex. Under the waiter's
// mutex, since a waiter that has registered but does not wait yet would miss the notification.
void FakeClock::Wake(const std::vector<Waiter*>& due) {
  for (Waiter* waiter : due) {
    waiter->mutex->Lock();
    waiter->condition->NotifyAll();
    waiter->mutex->Unlock();
    MutexLock lock(mutex_);
    --waiter->wakers;
    changed_.NotifyAll();
  }
}

int FakeClock::Blocked() const {
  return static_cast<int>(std::count_if(waiters_.begin(), waiters_.end(),
                                        [](const Waiter& waiter) { return !waiter.due; }));
}

absl::Time FakeClock::Earliest() const {
  absl::Time earliest = absl::InfiniteFuture();
  for (const Waiter& waiter : waiters_) {
    if (!waiter.due) earliest = std::min(earliest, DeadlineOf(waiter));
  }
  return earliest;
}

int FakeClock::waiters() {
  MutexLock lock(mutex_);
  return Blocked();
}

bool FakeClock::AwaitWaiters(int count, std::chrono::milliseconds within) {
  const auto give_up = std::chrono::steady_clock::now() + within;
  MutexLock lock(mutex_);
  while (Blocked() < count) {
    if (!changed_.WaitUntil(mutex_, give_up)) return Blocked() >= count;
  }
  return true;
}

bool FakeClock::AwaitDeadline(absl::Time deadline, std::chrono::milliseconds within) {
  const auto give_up = std::chrono::steady_clock::now() + within;
  MutexLock lock(mutex_);
  const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const Waiter& waiter : waiters_) {
      if (!waiter.due && DeadlineOf(waiter) >= deadline) return true;
    }
    return false;
  };
  while (!there()) {
    if (!changed_.WaitUntil(mutex_, give_up)) return there();
  }
  return true;
}

absl::Time FakeClock::AwaitDeadlineBy(absl::Time latest, std::chrono::milliseconds within) {
  const auto give_up = std::chrono::steady_clock::now() + within;
  MutexLock lock(mutex_);
  while (Earliest() > latest) {
    if (changed_.WaitUntil(mutex_, give_up)) continue;
    return Earliest() <= latest ? Earliest() : absl::InfiniteFuture();
  }
  return Earliest();
}

}  // namespace gitops
