#include "services/planner/step/step_machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

bool Contains(const std::vector<std::string>& list, absl::string_view action) {
  return std::find(list.begin(), list.end(), action) != list.end();
}

bool FrontIs(const HostProgress& progress, StepKind step) {
  return !progress.remaining.empty() && TraitsOf(progress.remaining.front()).step == step;
}

// Whether something that is still to come, from `first` on, activates what post-activation secrets
// wait for.
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

bool HasHooks(StepKind step) { return step != StepKind::kDryActivate; }

// What the body of the step under way does next; kNone: it is through.
Move BodyMove(const HostProgress& progress) {
  Move move;
  if (progress.step_outcome == Outcome::kFailed) return move;
  const bool untouched = progress.step_outcome == Outcome::kSkipped;
  const StepKind step = *progress.step;
  if (step == StepKind::kHealthChecks) {
    if (untouched) move.kind = Move::Kind::kHealthChecks;
    return move;
  }
  const bool changes = step == StepKind::kDeploy || (step == StepKind::kReboot && !untouched);
  if (changes && PostSecretsNow(progress)) {
    move.kind = Move::Kind::kPerform;
    move.action = NameOf(HostAction::kUploadSecrets);
    move.implied = true;
    move.secrets = Move::Secrets::kPostActivation;
    return move;
  }
  if (!FrontIs(progress, step) || (step != StepKind::kDeploy && !untouched)) return move;
  move.action = progress.remaining.front();
  if (step == StepKind::kReboot) {
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
  progress.end = HostEnd::kFailed;
  progress.step.reset();
}

void BeginStep(HostProgress& progress, StepKind step) {
  if (progress.steps - progress.first_step >= kMostSteps) {
    Fail(progress, absl::StrCat("it has taken ", kMostSteps,
                                " steps and is not done; a hook keeps adding actions"));
    return;
  }
  ++progress.steps;
  progress.step = step;
  progress.stage = Stage::kPre;
  progress.step_outcome = Outcome::kSkipped;
}

// Between two steps: begins the next one, or ends the host.
void ChooseStep(HostProgress& progress, const HostPolicy& policy) {
  if (!progress.remaining.empty()) {
    BeginStep(progress, TraitsOf(progress.remaining.front()).step);
  } else if (progress.secrets_due) {
    BeginStep(progress, StepKind::kDeploy);
  } else if (progress.skipped && !progress.performed) {
    progress.end = HostEnd::kSkipped;
  } else if (policy.health_checks && !progress.checked) {
    BeginStep(progress, StepKind::kHealthChecks);
  } else {
    progress.end = HostEnd::kSucceeded;
  }
}

void FinishStep(HostProgress& progress) {
  if (progress.step_outcome == Outcome::kFailed) progress.end = HostEnd::kFailed;
  progress.step.reset();
  progress.stage = Stage::kPre;
}

bool PreChecksWanted(const HostProgress& progress, const HostPolicy& policy) {
  const bool changes = progress.step == StepKind::kDeploy || progress.step == StepKind::kReboot;
  return policy.pre_deploy_checks && !progress.prechecked && changes &&
         BodyMove(progress).kind != Move::Kind::kNone;
}

// Goes on to where something is to be done, or to the end.
HostProgress Settled(HostProgress progress, const HostPolicy& policy) {
  while (progress.end == HostEnd::kNone) {
    if (!progress.remaining.empty() && Is(progress.remaining.front(), HostAction::kSkip)) {
      progress.remaining.clear();
      progress.skipped = true;
    }
    if (!progress.step.has_value()) {
      ChooseStep(progress, policy);
      continue;
    }
    const bool asks = policy.hooks && HasHooks(*progress.step);
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
    if (progress.step_outcome != Outcome::kFailed) progress.remaining = result.actions;
    FinishStep(progress);
    return;
  }
  progress.remaining = result.actions;
  progress.stage = Stage::kPreChecks;
  const bool skip = !result.actions.empty() && Is(result.actions.front(), HostAction::kSkip);
  if (skip && progress.step == StepKind::kHealthChecks) {
    progress.checked = true;
    progress.stage = Stage::kPost;
  }
}

// A pre- hook that fails has failed its step, so that what hooks before it took is given back.
void AfterFailedHook(HostProgress& progress, const MoveResult& result) {
  if (progress.stage == Stage::kPre) {
    progress.step_outcome = Outcome::kFailed;
    progress.error = result.error;
    progress.stage = Stage::kPost;
    return;
  }
  progress.error = absl::StrCat(progress.error, "; then ", result.error);
  FinishStep(progress);
}

// Whether `move` is one whose outcome the agent is to be asked for under a number that it knows.
// All else may be done twice, and is: the secrets may have been mended since.
bool CanBeOpen(const Move& move) {
  return move.kind == Move::Kind::kReboot ||
         (move.kind == Move::Kind::kPerform && TraitsOf(move.action).activates);
}

void NoteOpen(HostProgress& progress, const Move& move, const MoveResult& result) {
  progress.open.reset();
  const bool unknown = result.outcome == Outcome::kFailed && result.unknown;
  if (unknown && CanBeOpen(move)) progress.open = {.number = move.number, .action = move.action};
}

void AfterAction(HostProgress& progress, const Move& move) {
  if (Is(move.action, HostAction::kPush)) progress.pushed = true;
  if (move.secrets == Move::Secrets::kPostActivation) progress.secrets_due = false;
  if (move.step != StepKind::kDryActivate) progress.checked = false;
  if (move.implied) return;
  progress.remaining.erase(progress.remaining.begin());
  if (move.secrets == Move::Secrets::kPreActivation) {
    progress.secrets_due = true;
    progress.activated = false;
  }
  // What is switched to at the next boot is activated by the reboot, where there is to be one.
  const bool at_boot = Is(move.action, HostAction::kSwitchBoot) &&
                       Contains(progress.remaining, NameOf(HostAction::kReboot));
  if ((TraitsOf(move.action).activates && !at_boot) || move.kind == Move::Kind::kReboot) {
    progress.activated = true;
  }
}

}  // namespace

absl::string_view StepName(StepKind kind) {
  switch (kind) {
    case StepKind::kDeploy:
      return "deploy";
    case StepKind::kReboot:
      return "reboot";
    case StepKind::kDryActivate:
      return "dry-activate";
    case StepKind::kHealthChecks:
      return "healthchecks";
  }
  return "";
}

absl::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "";
}

HostProgress BeginHost(std::vector<std::string> actions, const HostPolicy& policy) {
  HostProgress progress;
  progress.remaining = std::move(actions);
  return Settled(std::move(progress), policy);
}

bool KeepsItsPlace(const HostProgress& progress) {
  return progress.stage == Stage::kPost && progress.step_outcome != Outcome::kFailed;
}

Move NextMove(const HostProgress& before, const HostPolicy& policy) {
  const HostProgress progress = Settled(before, policy);
  if (progress.end != HostEnd::kNone) return {};
  Move move;
  switch (progress.stage) {
    case Stage::kPre:
    case Stage::kPost:
      move.kind = Move::Kind::kHook;
      move.point =
          absl::StrCat(progress.stage == Stage::kPre ? "pre-" : "post-", StepName(*progress.step));
      break;
    case Stage::kPreChecks:
      move.kind = Move::Kind::kPreDeployChecks;
      break;
    case Stage::kBody:
      move = BodyMove(progress);
      break;
  }
  move.step = *progress.step;
  move.step_number = progress.steps;
  const bool again =
      progress.open.has_value() && CanBeOpen(move) && progress.open->action == move.action;
  move.number = again ? progress.open->number : progress.moves;
  const bool asks = policy.hooks && HasHooks(move.step);
  const bool first_of_body =
      progress.stage == Stage::kPreChecks ||
      (progress.stage == Stage::kBody && progress.step_outcome == Outcome::kSkipped);
  move.begins_step = asks ? progress.stage == Stage::kPre : first_of_body;
  return move;
}

HostProgress After(HostProgress before, const HostPolicy& policy, const Move& move,
                   const MoveResult& result) {
  HostProgress progress = Settled(std::move(before), policy);
  ++progress.moves;
  if (move.kind == Move::Kind::kHook) {
    if (result.outcome == Outcome::kFailed) {
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
  if (result.outcome == Outcome::kFailed) {
    progress.step_outcome = Outcome::kFailed;
    progress.error = result.error;
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
      progress.step_outcome = Outcome::kOk;
      break;
    case Move::Kind::kPerform:
    case Move::Kind::kReboot:
      AfterAction(progress, move);
      progress.step_outcome = Outcome::kOk;
      break;
    case Move::Kind::kNone:
    case Move::Kind::kHook:
      break;
  }
  return Settled(std::move(progress), policy);
}

HostProgress Resumed(HostProgress progress, const HostPolicy& policy) {
  progress.first_step = progress.steps;
  if (progress.end == HostEnd::kFailed) {
    progress.step.reset();
    progress.stage = Stage::kPre;
    progress.step_outcome = Outcome::kSkipped;
    progress.error.clear();
    progress.end = HostEnd::kNone;
  }
  return Settled(std::move(progress), policy);
}

}  // namespace gitops
