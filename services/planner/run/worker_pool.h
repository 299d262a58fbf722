#ifndef GITOPS_SERVICES_PLANNER_RUN_WORKER_POOL_H_
#define GITOPS_SERVICES_PLANNER_RUN_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/sync/mutex.h"

namespace gitops {

// Runs jobs in threads that are created on demand and reused. Jobs belong to groups. At most `most`
// jobs run at a time, except that every group may run `reserved` of its own whatever the others
// do: a group whose jobs hang does not hold up another one. So `most` plus `reserved` per group is
// the limit on threads. A thread that becomes free takes the next job of the group that runs the
// fewest. Jobs of a group start in order. Any thread.
class WorkerPool {
 public:
  explicit WorkerPool(int most, int reserved = 1) : most_(most), reserved_(reserved) {}
  // Runs the remaining jobs and waits for them.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Run(const std::string& group, std::function<void()> job);
  // The same for many.
  void RunAll(const std::string& group, std::vector<std::function<void()>> jobs);
  // The number of jobs that wait for a thread.
  int waiting();

 private:
  struct Group {
    std::deque<std::function<void()>> waiting;
    int running = 0;  // ready or in a thread
  };
  struct Job {
    std::string group;
    std::function<void()> run;
  };

  void Loop();
  // Makes the waiting jobs ready that may run now.
  void Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gets a thread for the next ready job, if there is one: adds it, or returns true, and an idle
  // one is to be woken once the lock is released, for which it would only wait. That thread does
  // the same for the job after it, so many short jobs that come together share a few threads.
  bool Summon() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int most_;
  const int reserved_;
  Mutex mutex_;
  CondVar wake_;
  std::map<std::string, Group> groups_ ABSL_GUARDED_BY(mutex_);  // those that have jobs
  std::deque<Job> ready_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;  // over all groups
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_WORKER_POOL_H_
