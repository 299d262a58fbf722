#include "services/planner/record/progress_codec.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

// Numbers that are stored. They are written out, so that a change of an enum's order does not
// change what a stored number means.

int32_t EncodeStep(StepKind kind) {
  switch (kind) {
    case StepKind::kDeploy:
      return 1;
    case StepKind::kReboot:
      return 2;
    case StepKind::kDryActivate:
      return 3;
    case StepKind::kHealthChecks:
      return 4;
  }
  return -1;
}

int32_t EncodeStage(Stage stage) {
  switch (stage) {
    case Stage::kPre:
      return 0;
    case Stage::kPreChecks:
      return 1;
    case Stage::kBody:
      return 2;
    case Stage::kPost:
      return 3;
  }
  return -1;
}

record::v1::StepResult EncodeOutcome(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return record::v1::STEP_RESULT_OK;
    case Outcome::kFailed:
      return record::v1::STEP_RESULT_FAILED;
    case Outcome::kSkipped:
      return record::v1::STEP_RESULT_SKIPPED;
  }
  return record::v1::STEP_RESULT_UNSPECIFIED;
}

int32_t EncodeEnd(HostEnd end) {
  switch (end) {
    case HostEnd::kNone:
      return 0;
    case HostEnd::kSucceeded:
      return 1;
    case HostEnd::kSkipped:
      return 2;
    case HostEnd::kFailed:
      return 3;
  }
  return -1;
}

absl::Status Unknown(absl::string_view what, int32_t stored) {
  return absl::DataLossError(absl::StrCat("its ", what, " ", stored,
                                          " is not known; a newer planner may have written it"));
}

// The one of `values` that `encode` makes `stored` of.
template <typename Value, typename Stored>
absl::Status Decode(absl::string_view what, std::initializer_list<Value> values,
                    Stored (*encode)(Value), Stored stored, Value& decoded) {
  for (Value value : values) {
    if (encode(value) != stored) continue;
    decoded = value;
    return absl::OkStatus();
  }
  return Unknown(what, static_cast<int32_t>(stored));
}

absl::Status DecodeEnums(const record::v1::HostProgress& stored, HostProgress& progress) {
  if (stored.step_kind() != 0) {
    absl::Status status = Decode(
        "step",
        {StepKind::kDeploy, StepKind::kReboot, StepKind::kDryActivate, StepKind::kHealthChecks},
        EncodeStep, stored.step_kind(), progress.step.emplace());
    if (!status.ok()) return status;
  }
  absl::Status status =
      Decode("stage", {Stage::kPre, Stage::kPreChecks, Stage::kBody, Stage::kPost}, EncodeStage,
             stored.stage(), progress.stage);
  if (!status.ok()) return status;
  if (stored.step_result() != record::v1::STEP_RESULT_UNSPECIFIED) {
    status = Decode("step's result", {Outcome::kOk, Outcome::kFailed, Outcome::kSkipped},
                    EncodeOutcome, stored.step_result(), progress.step_outcome);
    if (!status.ok()) return status;
  }
  return Decode("end", {HostEnd::kNone, HostEnd::kSucceeded, HostEnd::kSkipped, HostEnd::kFailed},
                EncodeEnd, stored.outcome(), progress.end);
}

}  // namespace

void EncodeProgress(const HostProgress& progress, record::v1::HostProgress& stored) {
  // Names every field of HostProgress, so that one more does not compile until it is stored.
  const auto& [remaining, steps, first_step, moves, pushed, prechecked, performed, checked, skipped,
               secrets_due, activated, error, step, stage, step_outcome, end, open] = progress;
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
  stored.set_step_kind(step.has_value() ? EncodeStep(*step) : 0);
  stored.set_stage(EncodeStage(stage));
  stored.set_step_result(EncodeOutcome(step_outcome));
  stored.set_outcome(EncodeEnd(end));
  stored.clear_open();
  if (!open.has_value()) return;
  stored.mutable_open()->set_number(open->number);
  stored.mutable_open()->set_action(open->action);
}

absl::StatusOr<HostProgress> DecodeProgress(const record::v1::HostProgress& stored) {
  if (stored.steps() < 0 || stored.first_step() < 0 || stored.moves() < 0 ||
      stored.open().number() < 0) {
    return absl::DataLossError("its number of steps or moves is negative");
  }
  HostProgress progress;
  if (absl::Status status = DecodeEnums(stored, progress); !status.ok()) return status;
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
  if (stored.has_open()) {
    progress.open = {.number = stored.open().number(), .action = stored.open().action()};
  }
  return progress;
}

}  // namespace gitops
