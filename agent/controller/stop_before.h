#ifndef GITOPS_AGENT_CONTROLLER_STOP_BEFORE_H_
#define GITOPS_AGENT_CONTROLLER_STOP_BEFORE_H_

#include <stop_token>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/controller/reply.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace gitops {

// Stops work that an answer can do without, so that the answer comes in time: when half of the
// caller's time is over, at the latest after 10 s, or when the caller is gone. A thread watches for
// it while this exists; where the host has no thread left, the work is stopped at once.
class StopBefore {
 public:
  StopBefore(Clock* clock, const Patience& patience);
  ~StopBefore();

  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  Mutex mutex_;
  CondVar done_;
  bool is_done_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_STOP_BEFORE_H_
