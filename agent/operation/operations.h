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

// So many callers may wait at a time: each holds a thread of the server.
inline constexpr int kMostOperationCalls = 16;

// Does what deployments ask of this host: each operation once, one at a time, in the order in
// which they came. What began goes on when its caller goes away. Any thread.
class Operations {
 public:
  // Nothing is owned; all must outlive it.
  Operations(OperationMemory* memory, ActionRunner* actions, Clock* clock, Scheduler* scheduler);
  ~Operations();

  // Performs the operation, waits for the same one that is under way, or answers from memory.
  // Errors as OperationService.PerformAction; RESOURCE_EXHAUSTED: too many wait already.
  ActionOutcome Perform(const v1::PerformActionRequest& request, const Patience& patience);

  int64_t fencing() const { return memory_->fencing(); }

  // Begins nothing any more; those that wait are told UNAVAILABLE. What is under way and fails from
  // now on is taken for interrupted.
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

  // Null: `answered` is the answer.
  std::shared_ptr<Entry> Enter(const v1::PerformActionRequest& request, ActionOutcome& answered);
  ActionOutcome Await(const std::shared_ptr<Entry>& entry, const Patience& patience);
  // The job: one operation.
  absl::Time Run();
  ActionOutcome Do(const v1::PerformActionRequest& request);
  bool stopping() const;

  OperationMemory* const memory_;
  ActionRunner* const actions_;
  Clock* const clock_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by id
  std::deque<std::string> queue_ ABSL_GUARDED_BY(mutex_);                          // not begun yet

  // Last, so that it ends first.
  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATIONS_H_
