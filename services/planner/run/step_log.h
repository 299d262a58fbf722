#ifndef GITOPS_SERVICES_PLANNER_RUN_STEP_LOG_H_
#define GITOPS_SERVICES_PLANNER_RUN_STEP_LOG_H_

#include <string>

#include "common/clock/clock.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// Builds the record of a host's current step. One thread.
class StepLog {
 public:
  // `record`: the stored record of the current step; empty: none.
  explicit StepLog(Clock* clock, v1::StepRecord record = {})
      : clock_(clock), record_(std::move(record)) {}

  // Continues step `number` if it is the current one; otherwise begins it.
  void Enter(int number, v1::StepKind kind);

  // Notes the beginning of an action, a check run or an implied action. A repetition after a
  // restart continues the earlier record.
  v1::ActionRecord* BeginAction(const std::string& action, bool implied,
                                const std::string& operation_id);
  // Notes its end; OK if `error` is empty.
  void EndAction(v1::ActionRecord* action, const std::string& error);

  void AddCalls(const google::protobuf::RepeatedPtrField<v1::HookCall>& calls);
  // Ends the step; `message` says why it failed.
  void End(v1::StepResult result, const std::string& message);

  const v1::StepRecord& record() const { return record_; }

 private:
  Clock* clock_;  // not owned
  v1::StepRecord record_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_STEP_LOG_H_
