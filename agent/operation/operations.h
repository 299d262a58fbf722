#ifndef GITOPS_AGENT_OPERATION_OPERATIONS_H_
#define GITOPS_AGENT_OPERATION_OPERATIONS_H_

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/controller/service_controller.h"
#include "agent/operation/action_runner.h"
#include "agent/operation/operation_memory.h"
#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// The maximum number of waiting callers: each uses a thread of the server.
inline constexpr int kMostOperationCalls = 16;

// Performs the operations of deployments on this host: each once, one at a time, in the order of
// arrival. An operation that has started continues when its caller is gone, but ends a wait for
// something that may never come (a sync), and can be repeated. Thread-safe.
class Operations {
 public:
  // Owns none of its arguments; they must outlive it.
  Operations(OperationMemory* memory, ActionRunner* actions, Clock* clock, Scheduler* scheduler);
  ~Operations();

  // Performs the operation, waits for the same one if it is in progress, or returns the stored
  // outcome. Errors are those of OperationService.PerformAction; RESOURCE_EXHAUSTED: too many
  // callers wait.
  ActionOutcome Perform(const v1::PerformActionRequest& request, const Patience& patience);

  int64_t fencing() const { return memory_->fencing(); }

  // Starts no more operations; waiting callers get UNAVAILABLE. An operation in progress that fails
  // from now on counts as interrupted.
  void Stop();

 private:
  struct Entry {
    explicit Entry(const v1::PerformActionRequest& asked) : request(asked) {}
    const v1::PerformActionRequest request;
    int waiting = 0;
    bool begun = false;
    bool done = false;
    ActionOutcome outcome;
  };

  // Null: `answered` is the outcome.
  std::shared_ptr<Entry> Enter(const v1::PerformActionRequest& request, ActionOutcome& answered);
  ActionOutcome Await(const std::shared_ptr<Entry>& entry, const Patience& patience);
  // The job: one operation.
  absl::Time Run();
  ActionOutcome Do(const Entry& entry);
  bool stopping() const;

  OperationMemory* const memory_;
  ActionRunner* const actions_;
  Clock* const clock_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by id
  std::deque<std::string> queue_ ABSL_GUARDED_BY(mutex_);  // not started yet

  // Declared last, so that it ends first.
  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATIONS_H_
