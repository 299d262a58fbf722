#ifndef GITOPS_AGENT_PROGRAM_WORK_POOLS_H_
#define GITOPS_AGENT_PROGRAM_WORK_POOLS_H_

#include <array>
#include <memory>

#include "agent/controller/service_controller.h"
#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"

namespace gitops {

// The threads of the agent's work, each kind with a share of its own, so that
// none waits for another. Threads are made when they are needed. What runs in a
// pool must end before this is destroyed.
class WorkPools {
 public:
  explicit WorkPools(Clock *clock);  // not owned
  ~WorkPools();

  Scheduler *scheduler() { return scheduler_.get(); }  // for what is short
  Scheduler *polls() { return polls_.get(); }
  Pools services() const;

 private:
  std::unique_ptr<Scheduler> scheduler_;
  std::array<std::unique_ptr<Scheduler>, kPools> services_;
  std::unique_ptr<Scheduler> polls_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_WORK_POOLS_H_
