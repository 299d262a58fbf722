#ifndef GITOPS_AGENT_CONTROLLER_REPLY_H_
#define GITOPS_AGENT_CONTROLLER_REPLY_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/error.h"
#include "common/sync/mutex.h"

namespace gitops {

// How long a caller waits, and whether it is gone meanwhile.
struct Patience {
  absl::Time deadline = absl::InfiniteFuture();
  std::function<bool()> cancelled = [] { return false; };

  // OK: it still waits. CANCELLED, DEADLINE_EXCEEDED.
  absl::Status Check(Clock* clock) const {
    if (cancelled()) return absl::CancelledError("the caller is gone");
    if (clock->Now() >= deadline) {
      return absl::DeadlineExceededError("timed out; it is still in progress");
    }
    return absl::OkStatus();
  }
};

// An answer that one thread gives and others wait for. Thread-safe.
template <typename T>
class Reply {
 public:
  // The first answer counts.
  void Give(absl::StatusOr<T> answer) {
    MutexLock lock(mutex_);
    if (!answer_.has_value()) answer_ = Own(std::move(answer));
    given_.NotifyAll();
  }

  // None: the patience ended first, as the status says.
  absl::StatusOr<T> Await(Clock* clock, const Patience& patience, absl::Status* impatience) {
    MutexLock lock(mutex_);
    while (!answer_.has_value()) {
      *impatience = patience.Check(clock);
      if (!impatience->ok()) {
        abandoned_ = true;
        return *impatience;
      }
      given_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCancelCheck);
    }
    return Own(*answer_);
  }

  // Whether a caller has given up.
  bool abandoned() const { return abandoned_; }

 private:
  // How often a waiting caller checks whether its client is gone.
  static constexpr std::chrono::milliseconds kCancelCheck{100};

  // Copies of an error share data, and thread sanitizer cannot see how Abseil's library does it.
  static absl::StatusOr<T> Own(absl::StatusOr<T> answer) {
    if (answer.ok()) return answer;
    return WithMessage(answer.status(), std::string(answer.status().message()));
  }

  Mutex mutex_;
  CondVar given_;
  std::optional<absl::StatusOr<T>> answer_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> abandoned_ = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_REPLY_H_
