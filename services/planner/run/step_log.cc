#include "services/planner/run/step_log.h"

#include "common/clock/timestamp.h"

namespace gitops {

void StepLog::Enter(int number, v1::StepKind kind) {
  if (record_.number() == number) {
    // A step that a hook stopped at its end continues when the deployment is resumed.
    record_.clear_end_time();
    record_.clear_result();
    record_.clear_message();
    return;
  }
  record_.Clear();
  record_.set_number(number);
  record_.set_kind(kind);
  *record_.mutable_start_time() = ToTimestamp(clock_->Now());
}

v1::ActionRecord* StepLog::BeginAction(const std::string& action, bool implied,
                                       const std::string& operation_id) {
  for (v1::ActionRecord& known : *record_.mutable_actions()) {
    const bool open = !known.has_end_time() && known.action() == action;
    if (open && known.operation_id() == operation_id) return &known;
  }
  v1::ActionRecord* begun = record_.add_actions();
  begun->set_action(action);
  begun->set_implied(implied);
  begun->set_operation_id(operation_id);
  *begun->mutable_start_time() = ToTimestamp(clock_->Now());
  return begun;
}

void StepLog::EndAction(v1::ActionRecord* action, const std::string& error) {
  *action->mutable_end_time() = ToTimestamp(clock_->Now());
  action->set_result(error.empty() ? v1::STEP_RESULT_OK : v1::STEP_RESULT_FAILED);
  action->set_message(error);
}

void StepLog::AddCalls(const google::protobuf::RepeatedPtrField<v1::HookCall>& calls) {
  record_.mutable_hook_calls()->MergeFrom(calls);
}

void StepLog::End(v1::StepResult result, const std::string& message) {
  *record_.mutable_end_time() = ToTimestamp(clock_->Now());
  record_.set_result(result);
  if (!message.empty()) record_.set_message(message);
}

}  // namespace gitops
