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

// Tells subscribers which hosts changed, from a thread of its own, so that a slow subscriber does
// not hold up agents that report; each name once, however often it changed meanwhile. Any thread.
class Notifier {
 public:
  using Callback = std::function<void(const std::string& host)>;

  Notifier();
  ~Notifier();

  void Changed(const std::string& host);
  // Calls `changed` for each change from now on, and perhaps for some just before. Never 0.
  int64_t Subscribe(Callback changed);
  // Waits until its callback no longer runs, unless called from there.
  void Unsubscribe(int64_t id);

 private:
  void Run();

  Mutex mutex_;
  CondVar wake_;
  CondVar told_;
  std::map<int64_t, Callback> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t telling_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_NOTIFIER_H_
