#ifndef GITOPS_COMMON_SCHEDULE_SCHEDULER_H_
#define GITOPS_COMMON_SCHEDULE_SCHEDULER_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace gitops {

// Runs jobs when they are due, no job concurrently with itself, on threads that are created on
// demand, and end when they were idle for a while, except one. Idle jobs cost nothing; of idle
// threads one waits for the next due time. Setting the wall clock does not change a wait in
// progress. A thread that cannot be started is logged, and tried again every 100 ms; until then the
// other threads do its work. Thread-safe.
class Scheduler {
 public:
  // A recurring job. Its destructor waits for a run in progress; a run must not destroy its own
  // job.
  class Job {
   public:
    virtual ~Job() = default;
    // Runs the job as soon as a thread is free; if it is running now, once more afterwards.
    virtual void Wake() = 0;
    // Sets the time of the next run, instead of what the last one returned (or the one in progress
    // will return). Wake() comes first.
    virtual void WakeAt(absl::Time time) = 0;
  };

  virtual ~Scheduler() = default;

  // `run` does the work and returns the time of the next run (InfiniteFuture: when woken). The
  // first run is at `first`. The Job must be destroyed before the Scheduler. The first Add waits
  // until there is a thread.
  virtual std::unique_ptr<Job> Add(absl::Time first, std::function<absl::Time()> run) = 0;
};

// At most `max_threads` runs are in progress at a time; others wait, the longest due first.
// Threads that are idle for `idle` (of real time) end.
std::unique_ptr<Scheduler> NewScheduler(Clock* clock, int max_threads,
                                        absl::Duration idle = absl::Minutes(1));

}  // namespace gitops

#endif  // GITOPS_COMMON_SCHEDULE_SCHEDULER_H_
