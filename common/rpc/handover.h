#ifndef GITOPS_COMMON_RPC_HANDOVER_H_
#define GITOPS_COMMON_RPC_HANDOVER_H_

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {

// Hands one value at a time from gRPC's thread to the thread that waits for it.
template <typename T>
class Handover {
 public:
  // What gRPC does between this and Set() thread sanitizer cannot see. It can see the lock, and so
  // it knows that everything before the call happened before its end.
  Handover() { MutexLock lock(mutex_); }

  void Set(T value) {
    MutexLock lock(mutex_);
    value_ = std::move(value);
    // With the lock held: the waiter may destroy this as soon as it has the value.
    set_.NotifyOne();
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
    MutexLock lock(mutex_);
    while (!value_.has_value()) set_.Wait(mutex_);
    return *std::exchange(value_, std::nullopt);
  }

 private:
  // Whether there is a value, after waiting for it.
  bool AwaitMoment(bool forever) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    MutexLock lock(mutex_);
    while (!value_.has_value()) {
      if (forever) {
        set_.Wait(mutex_);
      } else if (!set_.WaitUntil(mutex_, end)) {
        break;
      }
    }
    return value_.has_value();
  }

  Mutex mutex_;
  CondVar set_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_HANDOVER_H_
