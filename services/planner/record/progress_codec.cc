#include "services/planner/record/progress_codec.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

// By the stored number.
constexpr v1::HostDeploymentState kEnds[] = {
    v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED,
    v1::HOST_DEPLOYMENT_STATE_SKIPPED,     v1::HOST_DEPLOYMENT_STATE_FAILED,
    v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK, v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED,
};

absl::Status Check(bool known, absl::string_view what, int32_t stored) {
  if (known) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("its ", what, " ", stored,
                                          " is not known; a newer planner may have written it"));
}

absl::Status CheckNumbers(const record::v1::HostProgress& stored) {
  if (stored.steps() < 0 || stored.first_step() < 0 || stored.moves() < 0 ||
      stored.open().number() < 0) {
    return absl::DataLossError("its number of steps or moves is negative");
  }
  const bool stage = stored.stage() >= 0 && stored.stage() <= static_cast<int>(Stage::kPost);
  const bool end = stored.outcome() >= 0 && stored.outcome() < std::ssize(kEnds);
  absl::Status status = Check(v1::StepKind_IsValid(stored.step_kind()), "step", stored.step_kind());
  status.Update(Check(stage, "stage", stored.stage()));
  status.Update(
      Check(v1::StepResult_IsValid(stored.step_result()), "step's result", stored.step_result()));
  for (const record::v1::ServiceReturn& one : stored.returns()) {
    status.Update(Check(v1::StepResult_IsValid(one.result()), "return's result", one.result()));
  }
  status.Update(Check(end, "end", stored.outcome()));
  return status;
}

}  // namespace

void EncodeProgress(const HostProgress& progress, record::v1::HostProgress& stored) {
  // Names every field of HostProgress, so that one more does not compile until it is stored.
  const auto& [remaining, steps, first_step, moves, pushed, prechecked, performed, checked, skipped,
               secrets_due, activated, error, step, stage, step_outcome, end, open, returns] =
      progress;
  stored.mutable_remaining()->Assign(remaining.begin(), remaining.end());
  stored.set_steps(steps);
  stored.set_first_step(first_step);
  stored.set_moves(moves);
  stored.set_pushed(pushed);
  stored.set_prechecked(prechecked);
  stored.set_performed(performed);
  stored.set_checked(checked);
  stored.set_skipped(skipped);
  stored.set_secrets_due(secrets_due);
  stored.set_activated(activated);
  stored.set_error(error);
  stored.set_step_kind(step);
  stored.set_stage(static_cast<int32_t>(stage));
  stored.set_step_result(static_cast<record::v1::StepResult>(step_outcome));
  stored.set_outcome(
      static_cast<int32_t>(std::find(std::begin(kEnds), std::end(kEnds), end) - kEnds));
  stored.clear_returns();
  for (const Return& one : returns) {
    record::v1::ServiceReturn& copy = *stored.add_returns();
    copy.set_service(one.service);
    copy.set_from_hash(one.from_hash);
    copy.set_to_hash(one.to_hash);
    copy.set_result(static_cast<record::v1::StepResult>(one.result));
  }
  stored.clear_open();
  if (!open.has_value()) return;
  stored.mutable_open()->set_number(open->number);
  stored.mutable_open()->set_action(open->action);
}

absl::StatusOr<HostProgress> DecodeProgress(const record::v1::HostProgress& stored) {
  if (absl::Status status = CheckNumbers(stored); !status.ok()) return status;
  HostProgress progress;
  progress.remaining.assign(stored.remaining().begin(), stored.remaining().end());
  progress.steps = stored.steps();
  progress.first_step = stored.first_step();
  progress.moves = stored.moves();
  progress.pushed = stored.pushed();
  progress.prechecked = stored.prechecked();
  progress.performed = stored.performed();
  progress.checked = stored.checked();
  progress.skipped = stored.skipped();
  progress.secrets_due = stored.secrets_due();
  progress.activated = stored.activated();
  progress.error = stored.error();
  progress.step = static_cast<v1::StepKind>(stored.step_kind());
  progress.stage = static_cast<Stage>(stored.stage());
  if (stored.step_result() != record::v1::STEP_RESULT_UNSPECIFIED) {
    progress.step_outcome = static_cast<v1::StepResult>(stored.step_result());
  }
  progress.end = kEnds[stored.outcome()];
  if (stored.has_open()) {
    progress.open = {.number = stored.open().number(), .action = stored.open().action()};
  }
  for (const record::v1::ServiceReturn& one : stored.returns()) {
    progress.returns.push_back({.service = one.service(),
                                .from_hash = one.from_hash(),
                                .to_hash = one.to_hash(),
                                .result = static_cast<v1::StepResult>(one.result())});
  }
  return progress;
}

}  // namespace gitops
