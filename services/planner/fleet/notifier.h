#ifndef GITOPS_SERVICES_PLANNER_FLEET_NOTIFIER_H_
#define GITOPS_SERVICES_PLANNER_FLEET_NOTIFIER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "common/sync/mutex.h"

namespace gitops {

// Tells subscribers which hosts changed, from a thread of its own, so that a slow one holds up
// nobody who reports; each name once, however often it changed meanwhile. Any thread.
class Notifier {
 public:
  using Callback = std::function<void(const std::string& host)>;

  Notifier();
  ~Notifier();

  void Changed(const std::string& host);
  // Told of what changes from now on. Never 0.
  int64_t Subscribe(Callback changed);
  // Waits for a callback of it that runs, unless it is called from there.
  void Unsubscribe(int64_t id);

 private:
  struct Subscriber {
    Callback callback;
    std::set<std::string> changed;
  };
  void Run();
  // Who has something to be told, each in turn; 0: nobody.
  int64_t Due() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar wake_;
  CondVar told_;
  std::map<int64_t, Subscriber> subscribers_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t telling_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none
  int64_t last_told_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_NOTIFIER_H_
