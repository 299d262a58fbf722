#ifndef GITOPS_COMMON_SCHEDULE_THREAD_RETRY_H_
#define GITOPS_COMMON_SCHEDULE_THREAD_RETRY_H_

#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {

// Tries again for those who could not start a thread, while all threads that they have may be busy
// for long. It has a thread of its own, which sleeps unless there is something to try. Thread-safe.
class ThreadRetry {
 public:
  // The one of this process, which exists while somebody holds it. The first call waits until the
  // host gives it its thread.
  static std::shared_ptr<ThreadRetry> Shared();
  ThreadRetry();
  ~ThreadRetry();
  ThreadRetry(const ThreadRetry&) = delete;
  ThreadRetry& operator=(const ThreadRetry&) = delete;

  // Calls `again` every 100 ms, without locks held, until it returns true. While there is one for
  // `owner` already, that one goes on instead.
  void Until(const void* owner, std::function<bool()> again);
  // Waits for a call in progress; there is none afterwards.
  void Forget(const void* owner);

 private:
  struct Attempt {
    std::function<bool()> again;
    bool wanted = true;  // since the last call began
  };

  void Work();
  void TryAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::map<const void*, Attempt> attempts_ ABSL_GUARDED_BY(mutex_);
  const void* trying_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SCHEDULE_THREAD_RETRY_H_
