#include "services/planner/run/host_moves.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/crash/crash_point.h"
#include "common/rpc/error.h"
#include "services/planner/run/action_request.h"

namespace gitops {
namespace {

constexpr absl::Duration kHealthTimeout = absl::Minutes(5);
constexpr absl::Duration kRebootTimeout = absl::Minutes(10);
constexpr absl::Duration kRetry = absl::Seconds(1);

const v1::DeploymentSpec& SpecOf(const DeploymentRun& run) { return run.facts().deployment.spec(); }

MoveDone Left() { return {.kind = MoveDone::Kind::kLeft, .result = {}, .why = ""}; }
MoveDone Failed(std::string error) {
  MoveDone done;
  done.result.outcome = v1::STEP_RESULT_FAILED;
  done.result.error = std::move(error);
  return done;
}

// Adds the moves of an action to `host`, except those that a repeated answer contains again.
void NoteMoves(const v1::PerformActionResponse& response, v1::HostDeployment& host) {
  for (const v1::ServiceMove& move : response.moves()) {
    if (move.from_hash() == move.to_hash()) continue;
    const auto last =
        std::find_if(host.moves().rbegin(), host.moves().rend(),
                     [&](const v1::ServiceMove& m) { return m.service() == move.service(); });
    const bool noted = response.repeated_operation() && last != host.moves().rend() &&
                       last->from_hash() == move.from_hash() && last->to_hash() == move.to_hash();
    if (!noted) *host.add_moves() = move;
  }
}

// Whether the answer to a repeated operation tells what it moved.
bool TellsWhatWasMoved(const PerformOutcome& outcome) {
  if (outcome.status.ok() || outcome.response.moves_size() > 0) return true;
  return !outcome.unknown && (HasReason(outcome.status, Reason::kInternal) ||
                              HasReason(outcome.status, Reason::kSuperseded));
}

// Makes one move.
class Mover {
 public:
  Mover(const MoveContext& context, const Move& move)
      : context_(context),
        move_(move),
        run_(*context.run),
        may_have_begun_(context.repeated || move.number != context.progress->moves) {}

  MoveDone Make() {
    switch (move_.kind) {
      case Move::Kind::kHook:
        return AskHook();
      case Move::Kind::kPreDeployChecks:
        return RunChecks(v1::RunCheckRequest::KIND_PRE_DEPLOY);
      case Move::Kind::kHealthChecks:
        return RunChecks(v1::RunCheckRequest::KIND_HEALTH);
      case Move::Kind::kPerform:
      case Move::Kind::kReboot:
        return Act();
      case Move::Kind::kNone:
        break;
    }
    return {};
  }

 private:
  std::function<bool()> GiveUp() const {
    return [run = &run_] { return run->leaving(); };
  }
  const std::string& host() const { return context_.entry->host.host(); }
  AgentAddress address() const { return AgentOf(context_.host->host); }
  bool IsRollback() const { return move_.step == v1::STEP_KIND_ROLLBACK; }
  SteadyTime Now() const { return run_.options().clock->SteadyNow(); }

  MoveDone AskHook();
  MoveDone RunChecks(v1::RunCheckRequest::Kind kind);
  absl::Status TryChecks(v1::RunCheckRequest::Kind kind, const std::function<bool()>& give_up,
                         v1::ActionRecord* action);
  bool MarkHealth(const absl::Status& status);
  MoveDone Act();
  MoveDone Ask(const v1::PerformActionRequest& request, v1::ActionRecord* action);
  PerformOutcome Perform(const v1::PerformActionRequest& request);
  PerformOutcome PerformReboot(const v1::PerformActionRequest& request, SteadyTime deadline);
  MoveDone AwaitReboot(const std::string& before, SteadyTime deadline);
  MoveDone Judge(const PerformOutcome& outcome, v1::ActionRecord* action);

  const MoveContext& context_;
  const Move& move_;
  DeploymentRun& run_;
  bool may_have_begun_;  // the agent may know the operation already
};

MoveDone Mover::AskHook() {
  const v1::Deployment& deployment = run_.facts().deployment;
  v1::DispatchHookRequest request;
  request.set_point(move_.point);
  v1::HostPayload* payload = request.add_hosts();
  payload->set_host(host());
  for (const std::string& action : context_.progress->remaining) payload->add_actions(action);
  request.set_deployment(deployment.id());
  if (move_.point.starts_with("post-")) request.set_result(context_.progress->step_outcome);
  request.set_idempotency_key(
      absl::StrCat(deployment.id(), "/", host(), "/", move_.step_number, "/", move_.point));
  request.set_traceparent(run_.facts().state.traceparent());
  request.set_ignore_errors(SpecOf(run_).ignore_hook_errors());

  CrashPoint("planner-before-hook");
  absl::StatusOr<v1::DispatchHookResponse> answer =
      run_.options().hooks->Dispatch(request, GiveUp());
  CrashPoint("planner-after-hook");
  if (!answer.ok() && run_.leaving()) return Left();
  MoveDone failed{.kind = MoveDone::Kind::kHookError, .result = {}, .why = ""};
  if (!answer.ok()) {
    failed.why = absl::StrCat(move_.point, " of host \"", host(),
                              "\" cannot be asked: ", answer.status().message());
    return failed;
  }
  context_.log->AddCalls(answer->calls());
  if (answer->has_failure()) {
    failed.why = answer->failure().message();
    return failed;
  }
  if (answer->hosts_size() != 1 || answer->hosts(0).host() != host()) {
    failed.why = absl::StrCat("the hook dispatcher answered ", move_.point, " of host \"", host(),
                              "\" with ", answer->hosts_size(), " hosts, not with that one");
    return failed;
  }
  MoveDone done;
  done.result.actions.assign(answer->hosts(0).actions().begin(), answer->hosts(0).actions().end());
  return done;
}

// Stores what the health checks of the host came to, before the deployment goes on. False: leaving.
bool Mover::MarkHealth(const absl::Status& status) {
  const ChecksSpec& checks = context_.host->spec.health_checks;
  if (status.ok() && checks.http.empty() && checks.cmd.empty()) return true;
  if (status.ok()) return run_.MarkHealth(host(), std::nullopt);
  v1::FailedHealth failed;
  failed.set_deployment(run_.facts().deployment.id());
  *failed.mutable_time() = ToTimestamp(run_.options().clock->Now());
  failed.set_message(std::string(status.message()));
  return run_.MarkHealth(host(), failed);
}

// Runs the checks; while they run, watchers see their tries, which `action` has at the end.
absl::Status Mover::TryChecks(v1::RunCheckRequest::Kind kind, const std::function<bool()>& give_up,
                              v1::ActionRecord* action) {
  const absl::Duration within = DurationOr(SpecOf(run_).health_timeout(), kHealthTimeout);
  const std::string& id = run_.facts().deployment.id();
  RunningChecks::Standing standing;
  standing.deadline = run_.options().clock->Now() + within;
  const bool health = kind == v1::RunCheckRequest::KIND_HEALTH;
  if (health) run_.checks().Set(id, context_.index, standing);
  const auto seen = [&](int tries, const std::string& failing) {
    standing.tries = tries;
    standing.failing = failing;
    if (health) run_.checks().Set(id, context_.index, standing);
  };
  std::string output;
  absl::Status status = run_.options().checks->Run(context_.host->spec, address(), kind, within,
                                                   give_up, &output, seen);
  if (health) run_.checks().End(id, context_.index);
  ShowTries(standing, *action);
  action->set_output(output);
  return status;
}

MoveDone Mover::RunChecks(v1::RunCheckRequest::Kind kind) {
  v1::ActionRecord* action = context_.log->BeginAction(RecordName(move_), false, "");
  const bool health = kind == v1::RunCheckRequest::KIND_HEALTH;
  std::string broken;
  // Checks may take minutes. Once the lock is broken, somebody else may change the host, so it gets
  // no more calls, and its answers prove nothing about this deployment.
  const auto give_up = [&] {
    if (run_.leaving() || (health && run_.cancelled())) return true;
    const DeploymentRun::LockState lock = run_.CheckLock(host());
    if (lock.kind == DeploymentRun::LockState::Kind::kBroken) broken = lock.why;
    return lock.kind != DeploymentRun::LockState::Kind::kHeld;
  };
  absl::Status status = TryChecks(kind, give_up, action);
  const bool gave_up = give_up();
  if (run_.leaving() && (gave_up || !status.ok())) return Left();
  if (!broken.empty()) status = absl::AbortedError(broken);
  const bool cancelled = broken.empty() && absl::IsCancelled(status);
  if (health && broken.empty() && !cancelled && !MarkHealth(status)) return Left();
  context_.log->EndAction(action, std::string(status.message()));
  if (cancelled) {
    action->set_result(v1::STEP_RESULT_SKIPPED);
    action->set_message("the deployment was cancelled");
    MoveDone done;
    done.result.outcome = v1::STEP_RESULT_SKIPPED;
    return done;
  }
  if (status.ok()) return {};
  return Failed(absl::StrCat(RecordName(move_), " did not succeed: ", status.message()));
}

MoveDone Mover::Act() {
  v1::ActionRecord* action = context_.log->BeginAction(RecordName(move_), move_.implied,
                                                       OperationId(run_.facts(), host(), move_));
  const absl::StatusOr<std::vector<v1::PerformActionRequest>> requests = MakeActionRequests(
      run_.facts(), *context_.entry, context_.host->spec, move_, context_.fencing);
  MoveDone done;
  if (!requests.ok()) {
    done = Failed(std::string(requests.status().message()));
  } else {
    for (const v1::PerformActionRequest& request : *requests) {
      done = Ask(request, action);
      const bool lost = done.kind == MoveDone::Kind::kUnreachable;
      if (lost && &request != &requests->front()) {
        const bool unknown = done.result.unknown;
        done = Failed(LostText(move_, done.why));
        done.result.unknown = unknown;
      }
      if (done.kind != MoveDone::Kind::kDone || done.result.outcome != v1::STEP_RESULT_OK) break;
    }
  }
  if (done.kind == MoveDone::Kind::kLeft) return done;
  const bool unreachable = done.kind == MoveDone::Kind::kUnreachable;
  context_.log->EndAction(action, unreachable ? done.why : done.result.error);
  return done;
}

MoveDone Mover::Ask(const v1::PerformActionRequest& request, v1::ActionRecord* action) {
  const SteadyTime deadline = Now() + DurationOr(SpecOf(run_).reboot_timeout(), kRebootTimeout);
  const bool reboot = move_.kind == Move::Kind::kReboot;
  if (IsRollback()) {
    CrashPoint("planner-before-rollback");
  } else {
    CrashPoint("planner-before-action");
  }
  const PerformOutcome outcome = reboot ? PerformReboot(request, deadline) : Perform(request);
  if (IsRollback()) {
    CrashPoint("planner-after-rollback");
  } else {
    CrashPoint("planner-after-action");
  }
  MoveDone done = Judge(outcome, action);
  if (!reboot || !outcome.status.ok()) return done;
  return AwaitReboot(outcome.response.boot_id(), deadline);
}

// Makes one call. An agent that was reached before, or may have begun the action before this
// process started, gets time to come back.
PerformOutcome Mover::Perform(const v1::PerformActionRequest& request) {
  const bool patient = may_have_begun_ || IsRollback();
  const SteadyTime back_by = Now() + run_.options().return_timeout;
  for (;;) {
    PerformOutcome outcome = run_.options().agents->Perform(address(), request, GiveUp());
    const absl::Duration left = back_by - Now();
    const bool again = patient && HasReason(outcome.status, Reason::kHostUnreachable) &&
                       left > absl::ZeroDuration();
    if (!again || !run_.Pause(std::min(left, kRetry))) return outcome;
  }
}

// The answer may be lost when the host goes down. So the call is repeated when the host is back;
// the agent knows from the operation id that it has rebooted already.
PerformOutcome Mover::PerformReboot(const v1::PerformActionRequest& request, SteadyTime deadline) {
  for (;;) {
    PerformOutcome outcome = run_.options().agents->Perform(address(), request, GiveUp());
    const bool lost = HasReason(outcome.status, Reason::kHostLost);
    if (!lost && !HasReason(outcome.status, Reason::kHostUnreachable)) return outcome;
    may_have_begun_ = may_have_begun_ || lost;
    if (!may_have_begun_ || Now() >= deadline || !run_.Pause(kRetry)) return outcome;
  }
}

MoveDone Mover::AwaitReboot(const std::string& before, SteadyTime deadline) {
  const absl::Duration left = std::max(deadline - Now(), kRetry);
  absl::StatusOr<std::string> boot =
      run_.options().agents->AwaitReboot(address(), before, left, GiveUp());
  if (boot.ok()) return {};
  if (run_.leaving()) return Left();
  // The agent knows the operation, so a repeated call continues from there.
  MoveDone late = Failed(absl::StrCat("reboot: ", boot.status().message()));
  late.result.unknown = true;
  return late;
}

MoveDone Mover::Judge(const PerformOutcome& outcome, v1::ActionRecord* action) {
  NoteMoves(outcome.response, context_.entry->host);
  action->mutable_output()->append(outcome.response.output());
  if (outcome.status.ok()) return {};
  if (run_.leaving()) return Left();
  const std::string message(outcome.status.message());
  if (HasReason(outcome.status, Reason::kHostUnreachable)) {
    MoveDone lost{.kind = MoveDone::Kind::kUnreachable, .result = {}, .why = message};
    lost.result.unknown = may_have_begun_;
    return lost;
  }
  MoveDone failed = Failed(absl::StrCat(RecordName(move_), ": ", message));
  failed.result.unknown = outcome.unknown || (move_.Learns() && !TellsWhatWasMoved(outcome));
  return failed;
}

}  // namespace

std::string OperationId(const DeploymentRecord& deployment, const std::string& host,
                        const Move& move) {
  if (move.kind != Move::Kind::kPerform && move.kind != Move::Kind::kReboot) return "";
  return MakeOperation(deployment, host, move, 0).id();
}

std::string RecordName(const Move& move) {
  switch (move.kind) {
    case Move::Kind::kPreDeployChecks:
      return "pre-deploy-checks";
    case Move::Kind::kHealthChecks:
      return "health-checks";
    case Move::Kind::kPerform:
    case Move::Kind::kReboot:
      return move.action;
    default:
      return "";
  }
}

std::string LostText(const Move& move, absl::string_view why) {
  return absl::StrCat(RecordName(move), ": the host was lost on the way: ", why);
}

MoveDone MakeMove(const MoveContext& context, const Move& move) {
  return Mover(context, move).Make();
}

}  // namespace gitops
