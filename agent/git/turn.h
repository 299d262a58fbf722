#ifndef GITOPS_AGENT_GIT_TURN_H_
#define GITOPS_AGENT_GIT_TURN_H_

#include <chrono>
#include <stop_token>

#include "common/sync/mutex.h"

namespace gitops {

// A lock that may be held while an upstream answers: waiting for it can be stopped.
class ABSL_LOCKABLE Turn {
 public:
  // Returns false if a stop was requested before it was acquired.
  bool Take(const std::stop_token& stop) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) {
    constexpr std::chrono::milliseconds kCheck{50};  // how often a waiter looks at `stop`
    MutexLock lock(mutex_);
    while (!stop.stop_requested()) {
      if (!taken_) return taken_ = true;
      given_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCheck);
    }
    return false;
  }
  void Give() ABSL_UNLOCK_FUNCTION() {
    MutexLock lock(mutex_);
    taken_ = false;
    given_.NotifyOne();
  }

 private:
  Mutex mutex_;
  CondVar given_;
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TURN_H_
