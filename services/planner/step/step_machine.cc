#include "services/planner/step/step_machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

bool Contains(const std::vector<std::string>& list, absl::string_view action) {
  return std::find(list.begin(), list.end(), action) != list.end();
}

bool FrontIs(const HostProgress& progress, v1::StepKind step) {
  return !progress.remaining.empty() && TraitsOf(progress.remaining.front()).step == step;
}

// Whether an action from `first` on activates what post-activation secrets wait for.
bool ActivationAhead(const std::vector<std::string>& list, size_t first, bool reboot_counts) {
  for (size_t i = first; i < list.size(); ++i) {
    const ActionTraits& traits = TraitsOf(list[i]);
    if (traits.action == HostAction::kSkip) return false;
    if (traits.activates || (reboot_counts && traits.action == HostAction::kReboot)) return true;
  }
  return false;
}

bool PostSecretsNow(const HostProgress& progress) {
  return progress.secrets_due &&
         (progress.activated || !ActivationAhead(progress.remaining, 0, /*reboot_counts=*/true));
}

bool HasHooks(v1::StepKind step) {
  return step != v1::STEP_KIND_DRY_ACTIVATE && step != v1::STEP_KIND_ROLLBACK;
}

// "pre-deploy", "post-healthchecks"…
std::string PointOf(const HostProgress& progress) {
  return absl::StrCat(
      progress.stage == Stage::kPre ? "pre-" : "post-",
      absl::AsciiStrToLower(absl::StripPrefix(v1::StepKind_Name(progress.step), "STEP_KIND_")));
}

bool IsUntried(const Return& one) { return one.result == v1::STEP_RESULT_UNSPECIFIED; }

// An open operation that may have moved services. It is repeated before they are returned.
bool HasOpenSync(const HostProgress& progress) {
  return progress.open.has_value() && TraitsOf(progress.open->action).takes_revision;
}

Move RollbackMove(const HostProgress& progress) {
  Move move;
  if (HasOpenSync(progress)) {
    move.kind = Move::Kind::kPerform;
    move.action = progress.open->action;
    return move;
  }
  const auto next = std::find_if(progress.returns.begin(), progress.returns.end(), IsUntried);
  if (next == progress.returns.end()) return move;
  move.kind = Move::Kind::kPerform;
  move.action = NameOf(HostAction::kSync);
  move.service = next->service;
  move.hash = next->to_hash;
  return move;
}

// The next move in the body of the current step; kNone: the body is done.
Move BodyMove(const HostProgress& progress) {
  if (progress.step == v1::STEP_KIND_ROLLBACK) return RollbackMove(progress);
  Move move;
  if (progress.step_outcome == v1::STEP_RESULT_FAILED) return move;
  const bool untouched = progress.step_outcome == v1::STEP_RESULT_SKIPPED;
  const v1::StepKind step = progress.step;
  if (step == v1::STEP_KIND_HEALTHCHECKS) {
    if (untouched) move.kind = Move::Kind::kHealthChecks;
    return move;
  }
  const bool changes = step == v1::STEP_KIND_DEPLOY || (step == v1::STEP_KIND_REBOOT && !untouched);
  if (changes && PostSecretsNow(progress)) {
    move.kind = Move::Kind::kPerform;
    move.action = NameOf(HostAction::kUploadSecrets);
    move.implied = true;
    move.secrets = Move::Secrets::kPostActivation;
    return move;
  }
  if (!FrontIs(progress, step) || (step != v1::STEP_KIND_DEPLOY && !untouched)) return move;
  move.action = progress.remaining.front();
  if (step == v1::STEP_KIND_REBOOT) {
    move.kind = Move::Kind::kReboot;
    return move;
  }
  move.kind = Move::Kind::kPerform;
  if (TraitsOf(move.action).needs_push && !progress.pushed) {
    move.action = NameOf(HostAction::kPush);
    move.implied = true;
  } else if (Is(move.action, HostAction::kUploadSecrets)) {
    move.secrets = ActivationAhead(progress.remaining, 1, /*reboot_counts=*/false)
                       ? Move::Secrets::kPreActivation
                       : Move::Secrets::kAll;
  }
  return move;
}

void Fail(HostProgress& progress, std::string error) {
  progress.error = std::move(error);
  progress.end = v1::HOST_DEPLOYMENT_STATE_FAILED;
  progress.step = v1::STEP_KIND_UNSPECIFIED;
}

void BeginStep(HostProgress& progress, v1::StepKind step) {
  if (progress.steps - progress.first_step >= kMostSteps) {
    Fail(progress, absl::StrCat("it has taken ", kMostSteps,
                                " steps and is not done; a hook keeps adding actions"));
    return;
  }
  ++progress.steps;
  progress.step = step;
  progress.stage = Stage::kPre;
  progress.step_outcome = v1::STEP_RESULT_SKIPPED;
}

// Between two steps: begins the next one, or ends the host.
void ChooseStep(HostProgress& progress, const HostPolicy& policy) {
  if (!progress.remaining.empty()) {
    BeginStep(progress, TraitsOf(progress.remaining.front()).step);
  } else if (progress.secrets_due) {
    BeginStep(progress, v1::STEP_KIND_DEPLOY);
  } else if (progress.skipped && !progress.performed) {
    progress.end = v1::HOST_DEPLOYMENT_STATE_SKIPPED;
  } else if (policy.health_checks && !progress.checked) {
    BeginStep(progress, v1::STEP_KIND_HEALTHCHECKS);
  } else {
    progress.end = v1::HOST_DEPLOYMENT_STATE_SUCCEEDED;
  }
}

void FinishStep(HostProgress& progress) {
  const bool failed = progress.step_outcome == v1::STEP_RESULT_FAILED;
  if (progress.step == v1::STEP_KIND_ROLLBACK) {
    progress.end =
        failed ? v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED : v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK;
  } else if (failed) {
    progress.end = v1::HOST_DEPLOYMENT_STATE_FAILED;
  }
  progress.step = v1::STEP_KIND_UNSPECIFIED;
  progress.stage = Stage::kPre;
}

bool PreChecksWanted(const HostProgress& progress, const HostPolicy& policy) {
  const bool changes =
      progress.step == v1::STEP_KIND_DEPLOY || progress.step == v1::STEP_KIND_REBOOT;
  return policy.pre_deploy_checks && !progress.prechecked && changes &&
         BodyMove(progress).kind != Move::Kind::kNone;
}

// Advances to the next move, or to the end.
HostProgress Settled(HostProgress progress, const HostPolicy& policy) {
  while (progress.end == v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED) {
    if (!progress.remaining.empty() && Is(progress.remaining.front(), HostAction::kSkip)) {
      progress.remaining.clear();
      progress.skipped = true;
    }
    if (progress.step == v1::STEP_KIND_UNSPECIFIED) {
      ChooseStep(progress, policy);
      continue;
    }
    const bool asks = policy.hooks && HasHooks(progress.step);
    if (progress.stage == Stage::kPre) {
      if (asks) break;
      progress.stage = Stage::kPreChecks;
    } else if (progress.stage == Stage::kPreChecks) {
      if (PreChecksWanted(progress, policy)) break;
      progress.stage = Stage::kBody;
    } else if (progress.stage == Stage::kBody) {
      if (BodyMove(progress).kind != Move::Kind::kNone) break;
      progress.stage = Stage::kPost;
    } else {
      if (asks) break;
      FinishStep(progress);
    }
  }
  return progress;
}

void AfterHook(HostProgress& progress, const MoveResult& result) {
  if (progress.stage == Stage::kPost) {
    // A failed host keeps its list, so that it can be resumed where it failed.
    if (progress.step_outcome != v1::STEP_RESULT_FAILED) progress.remaining = result.actions;
    FinishStep(progress);
    return;
  }
  progress.remaining = result.actions;
  progress.stage = Stage::kPreChecks;
  const bool skip = !result.actions.empty() && Is(result.actions.front(), HostAction::kSkip);
  if (skip && progress.step == v1::STEP_KIND_HEALTHCHECKS) {
    progress.checked = true;
    progress.stage = Stage::kPost;
  }
}

// A pre- hook that fails makes its step fail, so that post- hooks release what earlier pre- hooks
// acquired.
void AfterFailedHook(HostProgress& progress, const MoveResult& result) {
  if (progress.stage == Stage::kPre) {
    progress.step_outcome = v1::STEP_RESULT_FAILED;
    progress.error = result.error;
    progress.stage = Stage::kPost;
    return;
  }
  progress.error = absl::StrCat(progress.error, "; then ", result.error);
  FinishStep(progress);
}

// Whether the agent must be asked for the outcome of `move` under the same number. Other moves may
// be repeated under a new number: uploaded secrets, for example, may have been fixed since.
bool CanBeOpen(const Move& move) {
  return move.kind == Move::Kind::kReboot ||
         (move.kind == Move::Kind::kPerform && TraitsOf(move.action).activates);
}

void NoteOpen(HostProgress& progress, const Move& move, const MoveResult& result) {
  progress.open.reset();
  const bool unknown = result.outcome == v1::STEP_RESULT_FAILED && result.unknown;
  if (unknown && CanBeOpen(move)) progress.open = {.number = move.number, .action = move.action};
}

void AfterAction(HostProgress& progress, const Move& move) {
  if (Is(move.action, HostAction::kPush)) progress.pushed = true;
  if (move.secrets == Move::Secrets::kPostActivation) progress.secrets_due = false;
  if (move.step != v1::STEP_KIND_DRY_ACTIVATE) progress.checked = false;
  if (move.implied) return;
  progress.remaining.erase(progress.remaining.begin());
  if (move.secrets == Move::Secrets::kPreActivation) {
    progress.secrets_due = true;
    progress.activated = false;
  }
  // If a reboot follows, it activates what switch-boot prepared.
  const bool at_boot = Is(move.action, HostAction::kSwitchBoot) &&
                       Contains(progress.remaining, NameOf(HostAction::kReboot));
  if ((TraitsOf(move.action).activates && !at_boot) || move.kind == Move::Kind::kReboot) {
    progress.activated = true;
  }
}

// Notes a failure; the rollback continues with the other services.
void Keep(HostProgress& progress, const std::string& why) {
  absl::StrAppend(&progress.error, progress.error.empty() ? "" : "; ", why);
  progress.step_outcome = v1::STEP_RESULT_FAILED;
}

void SetReturns(HostProgress& progress, std::vector<Return> returns) {
  for (Return& one : returns) {
    if (!one.to_hash.empty()) continue;
    one.result = v1::STEP_RESULT_SKIPPED;
    Keep(progress,
         absl::StrCat(one.service, " stays at ", one.from_hash, " (nothing was published before)"));
  }
  progress.returns = std::move(returns);
}

void AfterReturn(HostProgress& progress, const Move& move, const MoveResult& result) {
  if (move.Learns()) {
    if (result.unknown) {
      Keep(progress,
           absl::StrCat("it is not known what ", move.action, " moved (", result.error, ")"));
    }
    progress.open.reset();
    SetReturns(progress, result.returns);
    return;
  }
  Return& tried = *std::find_if(progress.returns.begin(), progress.returns.end(), IsUntried);
  tried.result = result.outcome;
  if (result.outcome != v1::STEP_RESULT_FAILED) return;
  Keep(progress, absl::StrCat(tried.service, " could not be brought back to ", tried.to_hash, " (",
                              result.error, ")"));
}

}  // namespace

bool KeepsItsPlace(const HostProgress& progress) {
  return progress.stage == Stage::kPost && progress.step_outcome != v1::STEP_RESULT_FAILED;
}

Move NextMove(const HostProgress& before, const HostPolicy& policy) {
  const HostProgress progress = Settled(before, policy);
  if (progress.end != v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED) return {};
  Move move;
  switch (progress.stage) {
    case Stage::kPre:
    case Stage::kPost:
      move.kind = Move::Kind::kHook;
      move.point = PointOf(progress);
      break;
    case Stage::kPreChecks:
      move.kind = Move::Kind::kPreDeployChecks;
      break;
    case Stage::kBody:
      move = BodyMove(progress);
      break;
  }
  move.step = progress.step;
  move.step_number = progress.steps;
  const bool again =
      progress.open.has_value() && CanBeOpen(move) && progress.open->action == move.action;
  move.number = again ? progress.open->number : progress.moves;
  const bool asks = policy.hooks && HasHooks(move.step);
  const bool first_of_body =
      progress.stage == Stage::kPreChecks ||
      (progress.stage == Stage::kBody && progress.step_outcome == v1::STEP_RESULT_SKIPPED);
  move.begins_step = asks ? progress.stage == Stage::kPre : first_of_body;
  return move;
}

HostProgress After(HostProgress before, const HostPolicy& policy, const Move& move,
                   const MoveResult& result) {
  HostProgress progress = Settled(std::move(before), policy);
  ++progress.moves;
  if (move.step == v1::STEP_KIND_ROLLBACK) {
    AfterReturn(progress, move, result);
    return Settled(std::move(progress), policy);
  }
  if (move.kind == Move::Kind::kHook) {
    if (result.outcome == v1::STEP_RESULT_FAILED) {
      AfterFailedHook(progress, result);
    } else {
      AfterHook(progress, result);
    }
    return Settled(std::move(progress), policy);
  }
  if (move.kind == Move::Kind::kPerform || move.kind == Move::Kind::kReboot) {
    progress.performed = true;
    NoteOpen(progress, move, result);
  }
  if (result.outcome == v1::STEP_RESULT_FAILED) {
    progress.step_outcome = v1::STEP_RESULT_FAILED;
    progress.error = result.error;
    progress.stage = Stage::kPost;
    return Settled(std::move(progress), policy);
  }
  if (result.outcome == v1::STEP_RESULT_SKIPPED) {
    progress.stage = Stage::kPost;
    return Settled(std::move(progress), policy);
  }
  switch (move.kind) {
    case Move::Kind::kPreDeployChecks:
      progress.prechecked = true;
      progress.stage = Stage::kBody;
      break;
    case Move::Kind::kHealthChecks:
      progress.checked = true;
      progress.step_outcome = v1::STEP_RESULT_OK;
      break;
    case Move::Kind::kPerform:
    case Move::Kind::kReboot:
      AfterAction(progress, move);
      progress.step_outcome = v1::STEP_RESULT_OK;
      break;
    case Move::Kind::kNone:
    case Move::Kind::kHook:
      break;
  }
  return Settled(std::move(progress), policy);
}

HostProgress Resumed(HostProgress progress, const HostPolicy& policy) {
  progress.first_step = progress.steps;
  if (progress.end == v1::HOST_DEPLOYMENT_STATE_FAILED) {
    progress.step = v1::STEP_KIND_UNSPECIFIED;
    progress.stage = Stage::kPre;
    progress.step_outcome = v1::STEP_RESULT_SKIPPED;
    progress.error.clear();
    progress.end = v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED;
  }
  return Settled(std::move(progress), policy);
}

HostProgress RollingBack(HostProgress progress, std::vector<Return> returns) {
  ++progress.steps;
  progress.step = v1::STEP_KIND_ROLLBACK;
  progress.stage = Stage::kBody;
  progress.step_outcome = v1::STEP_RESULT_OK;
  progress.end = v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED;
  progress.error.clear();
  progress.returns.clear();
  if (!HasOpenSync(progress)) SetReturns(progress, std::move(returns));
  return progress;
}

}  // namespace gitops
