#ifndef GITOPS_AGENT_GIT_TURN_H_
#define GITOPS_AGENT_GIT_TURN_H_

#include <stop_token>

#include "common/sync/mutex.h"

namespace gitops {

// A lock that may be held while an upstream answers: waiting for it can be stopped.
class ABSL_LOCKABLE Turn {
 public:
  // Returns false if a stop was requested before it was acquired.
  bool Take(const std::stop_token& stop) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true);
  void Give() ABSL_UNLOCK_FUNCTION();

 private:
  Mutex mutex_;
  CondVar given_;
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TURN_H_
