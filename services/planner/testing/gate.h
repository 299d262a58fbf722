#ifndef GITOPS_SERVICES_PLANNER_TESTING_GATE_H_
#define GITOPS_SERVICES_PLANNER_TESTING_GATE_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "common/sync/mutex.h"

namespace gitops {

// Blocks scripted calls until the test releases them. Any thread.
class Gate {
 public:
  // Waits until Release(); false: until `give_up` (may be empty) returned true.
  bool Pass(const std::function<bool()>& give_up);
  // Releases all threads that wait here now; later ones wait again.
  void Release();
  int standing();
  // Waits until at least `count` threads wait here. False: not `within` that real time.
  bool AwaitStanding(int count, std::chrono::milliseconds within = std::chrono::seconds(10));
  // Waits until no thread waits here, as above.
  bool AwaitNone(std::chrono::milliseconds within = std::chrono::seconds(10));

 private:
  Mutex mutex_;
  CondVar changed_;
  int standing_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t releases_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_GATE_H_
