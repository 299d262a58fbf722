#ifndef GITOPS_AGENT_ACTIVATE_COMPLETION_H_
#define GITOPS_AGENT_ACTIVATE_COMPLETION_H_

#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace gitops {

// A result that one thread sets and another waits for, until a deadline or a stop request.
template <typename T>
class Completion {
 public:
  // The first result counts.
  void Finish(absl::StatusOr<T> result) {
    // A deep copy for the other thread: copies of a Status share a reference count, whose
    // synchronization in Debian's Abseil thread sanitizer cannot see.
    if (!result.ok()) result = absl::Status(result.status().code(), result.status().message());
    MutexLock lock(mutex_);
    if (!result_.has_value()) result_ = std::move(result);
    changed_.NotifyAll();
  }

  // Takes the result. DEADLINE_EXCEEDED or CANCELLED, without a message, if there is none.
  absl::StatusOr<T> Await(Clock* clock, absl::Time deadline, std::stop_token stop) {
    std::stop_callback wake(stop, [this] {
      MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    MutexLock lock(mutex_);
    while (!result_.has_value()) {
      if (stop.stop_requested()) return absl::CancelledError();
      if (clock->Now() >= deadline) return absl::DeadlineExceededError("");
      clock->WaitUntil(mutex_, changed_, deadline);
    }
    absl::StatusOr<T> result = *std::move(result_);
    result_.reset();
    return result;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::StatusOr<T>> result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_COMPLETION_H_
