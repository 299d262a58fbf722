#ifndef GITOPS_COMMON_SCHEDULE_SCHEDULER_H_
#define GITOPS_COMMON_SCHEDULE_SCHEDULER_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace gitops {

// Runs jobs when they are due, each never twice at a time, on few threads that are made as they are
// needed. Idle jobs cost nothing. A step of the wall clock changes no wait that has begun. Any
// thread.
class Scheduler {
 public:
  // One thing to be done again and again. Destroying it waits for a run under way; not to be
  // destroyed from within its own run.
  class Job {
   public:
    virtual ~Job() = default;
    // Runs it as soon as a thread is free; if it runs now, once more afterwards.
    virtual void Wake() = 0;
  };

  virtual ~Scheduler() = default;

  // `run` does the work and returns when it is to be run next (InfiniteFuture: when woken). It is
  // first run at `first`. The Job must be destroyed before the Scheduler.
  virtual std::unique_ptr<Job> Add(absl::Time first, std::function<absl::Time()> run) = 0;
};

// `max_threads` runs may be under way at a time; others wait for their turn, the longest due first.
std::unique_ptr<Scheduler> NewScheduler(Clock* clock, int max_threads);

}  // namespace gitops

#endif  // GITOPS_COMMON_SCHEDULE_SCHEDULER_H_
