#ifndef GITOPS_COMMON_RPC_HANDOVER_H_
#define GITOPS_COMMON_RPC_HANDOVER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/sync/hand_over.h"
#include "common/sync/mutex.h"

namespace gitops {

// Hands one value at a time from gRPC's thread to the thread that waits for it.
template <typename T>
class Handover {
 public:
  Handover() { HandOver(this); }

  void Set(T value) {
    TakeOver(this);
    // The waiter may destroy this as soon as it has the value.
    const std::shared_ptr<State> state = state_;
    {
      MutexLock lock(state->mutex);
      state->value = std::move(value);
    }
    // Not with the lock held: the waiter would wake up only to wait for the lock.
    state->set.NotifyOne();
  }

  // Waits for a value. False: `give_up` (may be empty), which is called a few times a second, was
  // true first.
  bool Await(const std::function<bool()>& give_up) {
    while (!AwaitMoment(/*forever=*/!give_up)) {
      if (give_up()) return false;
    }
    return true;
  }

  // Waits for a value and takes it.
  T Take() {
    MutexLock lock(state_->mutex);
    while (!state_->value.has_value()) state_->set.Wait(state_->mutex);
    return *std::exchange(state_->value, std::nullopt);
  }

 private:
  struct State {
    Mutex mutex;
    CondVar set;
    std::optional<T> value ABSL_GUARDED_BY(mutex);
  };

  // Whether there is a value, after waiting for it.
  bool AwaitMoment(bool forever) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    MutexLock lock(state_->mutex);
    while (!state_->value.has_value()) {
      if (forever) {
        state_->set.Wait(state_->mutex);
      } else if (!state_->set.WaitUntil(state_->mutex, end)) {
        break;
      }
    }
    return state_->value.has_value();
  }

  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_HANDOVER_H_
