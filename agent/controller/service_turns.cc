// The mailbox of a ServiceController, and the work that its turns hand to pools.
#include <utility>

#include "agent/controller/service_controller.h"

namespace gitops {

void ServiceController::Post(std::function<void()> message, bool command) {
  {
    MutexLock lock(mutex_);
    (command ? orders_ : events_).push_back(std::move(message));
    if (std::exchange(in_turns_, true)) return;
  }
  TakeTurns();
}

void ServiceController::TakeTurns() {
  while (true) {
    std::function<void()> message;
    {
      MutexLock lock(mutex_);
      auto& queue = orders_.empty() ? events_ : orders_;
      if (queue.empty()) {
        in_turns_ = false;
        ended_.NotifyAll();
        return;
      }
      message = std::move(queue.front());
      queue.pop_front();
    }
    message();
    GoOn();
  }
}

void ServiceController::GoOn() {
  MakeChanges();
  if (wanted_ && pass_ == nullptr && !stopping_) {
    BeginPass();
    MakeChanges();
  }
  if (working_ != nullptr && working_->pool == Pool::kUpkeep && !work_.empty()) Revoke();
  const bool busy = pass_ != nullptr || working_ != nullptr || !work_.empty();
  if (prune_wanted_ && !busy && !stopping_) Prune();
  if (working_ == nullptr && !work_.empty()) {
    working_ = std::move(work_.front());
    work_.pop_front();
    const auto work = working_;
    if (work->stop.stop_requested()) work->pool = Pool::kDisk;  // as in StopWork()
    Launch(work->pool, work->run, [this, work] {
      working_ = nullptr;
      work->then();
    });
  }
  if (!stopping_) return SetTimer();
  if (pass_ != nullptr || working_ != nullptr || unit_work_.has_value() || storing_ ||
      !changes_.empty() || !work_.empty()) {
    return;
  }
  MutexLock lock(mutex_);
  at_rest_ = true;
}

void ServiceController::Launch(Pool pool, std::function<void()> run, std::function<void()> then) {
  {
    MutexLock lock(mutex_);
    launched_[static_cast<size_t>(pool)] = [this, run = std::move(run), then = std::move(then)] {
      run();
      Post(then);
    };
  }
  jobs_[static_cast<size_t>(pool)]->Wake();
}

void ServiceController::Revoke() {
  working_->stop.request_stop();
  if (!TakeBack(working_->pool)) return;
  prune_wanted_ = true;
  working_ = nullptr;
}

bool ServiceController::TakeBack(Pool pool) {
  std::function<void()> not_begun;  // destroyed without the lock
  MutexLock lock(mutex_);
  not_begun.swap(launched_[static_cast<size_t>(pool)]);
  return not_begun != nullptr;
}

void ServiceController::RunWork(Pool pool) {
  std::function<void()> run;
  {
    MutexLock lock(mutex_);
    run.swap(launched_[static_cast<size_t>(pool)]);
  }
  if (run) run();
}

void ServiceController::UseUnit(Pool pool, std::function<absl::Status()> run,
                                std::function<void(absl::Status&)> then) {
  auto result = std::make_shared<absl::Status>();
  unit_work_ = {pool, std::move(then)};
  Launch(
      pool, [result, run = std::move(run)] { *result = run(); },
      [this, result] { UnitDone(*result); });
}

void ServiceController::UnitDone(absl::Status status) {
  const UnitWork done = *std::exchange(unit_work_, std::nullopt);
  done.then(status);
}

void ServiceController::Preempt() {
  if (pass_ != nullptr) pass_->stop.request_stop();
  if (working_ != nullptr) StopWork();
}

void ServiceController::StopWork() {
  working_->stop.request_stop();
  if (working_->pool == Pool::kDisk) return;
  {
    // What has not begun ends as soon as it begins, so it does not wait behind those that wait for
    // the upstream.
    MutexLock lock(mutex_);
    std::function<void()>& launched = launched_[static_cast<size_t>(working_->pool)];
    if (!launched) return;
    launched_[static_cast<size_t>(Pool::kDisk)] = std::exchange(launched, nullptr);
  }
  working_->pool = Pool::kDisk;
  jobs_[static_cast<size_t>(Pool::kDisk)]->Wake();
}

void ServiceController::WantPass(bool forced) {
  wanted_ = true;
  forced_ = forced_ || forced;
}

}  // namespace gitops
