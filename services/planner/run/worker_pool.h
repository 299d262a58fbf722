#ifndef GITOPS_SERVICES_PLANNER_RUN_WORKER_POOL_H_
#define GITOPS_SERVICES_PLANNER_RUN_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/sync/mutex.h"

namespace gitops {

// Runs jobs in threads that are made as they are needed, at most so many, and reused. What finds
// no thread waits its turn. Any thread.
class WorkerPool {
 public:
  explicit WorkerPool(int most) : most_(most) {}
  // Runs what is left, and waits for it.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Run(std::function<void()> job);
  // How many jobs wait for a thread.
  int waiting();

 private:
  void Loop();

  const int most_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> jobs_ ABSL_GUARDED_BY(mutex_);
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_WORKER_POOL_H_
