#ifndef GITOPS_SERVICES_PLANNER_RUN_STEP_LOG_H_
#define GITOPS_SERVICES_PLANNER_RUN_STEP_LOG_H_

#include <string>

#include "common/clock/clock.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// Builds the record of the step that a host is in. One thread.
class StepLog {
 public:
  // `record` is that of the step under way, from the store; empty: none.
  explicit StepLog(Clock* clock, v1::StepRecord record = {})
      : clock_(clock), record_(std::move(record)) {}

  // Goes on with step `number`: the one there is, or a new one.
  void Enter(int number, v1::StepKind kind);

  // One action, check run or transparent addition begins. A repetition after a restart goes on
  // with what was noted before.
  v1::ActionRecord* BeginAction(const std::string& action, bool implied,
                                const std::string& operation_id);
  // It has ended, well where `error` is empty.
  void EndAction(v1::ActionRecord* action, const std::string& error);

  void AddCalls(const google::protobuf::RepeatedPtrField<v1::HookCall>& calls);
  // The step has ended; `message` says why it failed.
  void End(v1::StepResult result, const std::string& message);

  const v1::StepRecord& record() const { return record_; }

 private:
  Clock* clock_;  // not owned
  v1::StepRecord record_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_STEP_LOG_H_
