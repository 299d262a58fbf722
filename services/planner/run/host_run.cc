#include "services/planner/run/host_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/crash/crash_point.h"
#include "services/planner/record/progress_codec.h"
#include "services/planner/run/host_moves.h"
#include "services/planner/run/host_rollback.h"
#include "services/planner/run/step_log.h"

namespace gitops {
namespace {

// Runs one host.
class HostRun {
 public:
  HostRun(DeploymentRun* run, int index, HostRecord entry, bool recovered)
      : run_(*run),
        index_(index),
        entry_(std::move(entry)),
        log_(run->options().clock),
        recovered_(recovered) {}

  HostRecord Run() {
    if (Begin()) {
      while (Step()) {
      }
    }
    return std::move(entry_);
  }

 private:
  using LockKind = DeploymentRun::LockState::Kind;

  bool Begin();
  bool Step();
  // Whether a move can be made. kRefused: see `refusal_`; kOver: the host stops here.
  enum class Ready { kYes, kRefused, kOver };
  Ready Prepare(const Move& move);
  bool Locked(const Move& move, Ready& ready);
  MoveResult Refusal(const Move& move, std::string error);
  bool Reachable();
  MoveDone Make(const Move& move);
  bool Advance(const Move& move, MoveResult result);
  void LeaveUnreachable(const std::string& why);
  bool StopAtHook(const std::string& why);
  void CloseStep(v1::StepResult result, const std::string& why);
  bool MayStopBefore(const Move& move) const;
  void StopHere(const Move& move);
  void EndAs(v1::HostDeploymentState state, const std::string& message);
  void Finish();
  void Encode();
  bool Save();
  void SaveEnd();

  DeploymentRun& run_;
  const int index_;
  HostRecord entry_;
  StepLog log_;
  bool recovered_;        // an earlier process may have made the next move
  bool in_step_ = false;  // the next move's step was begun before this
  FleetHost host_;
  HostPolicy policy_;
  HostProgress begun_;     // when this began
  HostProgress progress_;  // now
  int64_t fencing_ = 0;
  bool asked_ = false;   // the host, or a hook for it, was called since then
  bool stored_ = false;  // the store has the current progress
  std::string halt_;     // why the next write ends the whole deployment; empty: it does not
  MoveResult refusal_;
};

// False: the host has ended.
bool HostRun::Begin() {
  absl::StatusOr<HostProgress> progress = DecodeProgress(entry_.progress);
  absl::StatusOr<FleetHost> found = run_.options().fleet->Find(entry_.host.host());
  // A host that left the configuration during a step still reaches the step's post- hook, and a
  // rollback still returns its services.
  const bool in_step =
      progress.ok() &&
      (recovered_ || entry_.rolling_back ||
       (progress->step != v1::STEP_KIND_UNSPECIFIED && progress->stage != Stage::kPre));
  if (!progress.ok() || (!found.ok() && !in_step)) {
    const absl::Status& fault = progress.ok() ? found.status() : progress.status();
    EndHost(entry_,
            entry_.rolling_back ? v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED
                                : v1::HOST_DEPLOYMENT_STATE_FAILED,
            absl::StrCat("host \"", entry_.host.host(), "\" cannot be begun: ", fault.message()),
            run_.options().clock->Now());
    entry_.rolling_back = false;
    run_.StoreHost(index_, entry_, nullptr);
    return false;
  }
  begun_ = progress_ = *std::move(progress);
  if (entry_.rolling_back && progress_.step != v1::STEP_KIND_ROLLBACK) {
    progress_ = RollingBack(std::move(progress_), ReturnsOf(entry_.host));
  }
  if (found.ok()) {
    host_ = *std::move(found);
  } else {
    host_.spec.name = entry_.host.host();
    host_.host.set_address(entry_.host.address());
  }
  const v1::DeploymentSpec& spec = run_.facts().deployment.spec();
  const auto any = [](const ChecksSpec& checks) {
    return !checks.http.empty() || !checks.cmd.empty();
  };
  policy_.hooks = run_.options().hooks->configured();
  policy_.pre_deploy_checks = !spec.skip_pre_deploy_checks() && any(host_.spec.pre_deploy_checks);
  policy_.health_checks =
      !spec.skip_health_checks() && (policy_.hooks || any(host_.spec.health_checks));
  asked_ = recovered_ || entry_.rolling_back;
  const int next_step =
      entry_.rolling_back ? progress_.steps : NextMove(progress_, policy_).step_number;
  if (next_step > 0 && (recovered_ || progress_.step != v1::STEP_KIND_UNSPECIFIED)) {
    v1::StepRecord step;
    if (!run_.LoadStep(index_, next_step, step)) return false;
    in_step_ = step.number() > 0 && !step.has_end_time();
    log_ = StepLog(run_.options().clock, std::move(step));
  }
  v1::HostDeployment& host = entry_.host;
  if (!host.has_start_time()) *host.mutable_start_time() = ToTimestamp(run_.options().clock->Now());
  host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
  // The message of a rollback ends with why the host had failed.
  if (!entry_.rolling_back) host.clear_message();
  host.clear_end_time();
  return true;
}

// Makes the next move. False: there are no more moves.
bool HostRun::Step() {
  if (run_.leaving()) return false;
  const Move move = NextMove(progress_, policy_);
  if (move.kind == Move::Kind::kNone) {
    progress_ = After(std::move(progress_), policy_, move, {});  // tells how it ended
    Finish();
    return false;
  }
  if (run_.stop_after_step() && MayStopBefore(move)) {
    StopHere(move);
    return false;
  }
  const Ready ready = Prepare(move);
  if (ready == Ready::kOver) return false;
  if (ready == Ready::kRefused) {
    recovered_ = in_step_ = false;
    return Advance(move, refusal_);
  }
  MoveDone done = Make(move);
  recovered_ = in_step_ = false;
  switch (done.kind) {
    case MoveDone::Kind::kLeft:
      return false;
    case MoveDone::Kind::kHookError:
      if (!StopAtHook(done.why)) return false;
      done.result.outcome = v1::STEP_RESULT_FAILED;
      done.result.error = done.why;
      break;
    case MoveDone::Kind::kUnreachable:
      if (!asked_) {
        LeaveUnreachable(done.why);
        return false;
      }
      done.result.outcome = v1::STEP_RESULT_FAILED;
      done.result.error = LostText(move, done.why);
      break;
    case MoveDone::Kind::kDone:
      break;
  }
  asked_ = true;
  return Advance(move, done.result);
}

// Not if an earlier process may have called the step's pre- hook, since only the post- hook
// releases what that acquired.
bool HostRun::MayStopBefore(const Move& move) const {
  return move.begins_step && !(in_step_ && move.kind == Move::Kind::kHook);
}

void HostRun::StopHere(const Move& move) {
  std::string why = "the deployment was stopped before this host was through";
  if (in_step_) {
    absl::StrAppend(&why, "; whether ", RecordName(move), " was done is known when it is resumed");
  } else {
    CloseStep(v1::STEP_RESULT_SKIPPED, "");
  }
  EndAs(v1::HOST_DEPLOYMENT_STATE_STOPPED, why);
}

// Ensures the conditions of a move: the host is reachable and locked, and the move is stored.
HostRun::Ready HostRun::Prepare(const Move& move) {
  const bool new_step = log_.record().number() != move.step_number;
  if (!asked_ && !Reachable()) return Ready::kOver;
  Ready ready = Ready::kYes;
  if (!Locked(move, ready)) return ready;
  entry_.host.set_fencing(fencing_);
  log_.Enter(move.step_number, move.step);
  const std::string name = RecordName(move);
  if (!name.empty()) {
    log_.BeginAction(name, move.implied, OperationId(run_.facts(), entry_.host.host(), move));
  }
  if (stored_ && !new_step) return Ready::kYes;
  stored_ = Save();
  return stored_ ? Ready::kYes : Ready::kOver;
}

// Whether the host may be changed; otherwise sets `ready`. During a step, the post- hook is called
// even after the lock was broken: it releases what other hooks acquired, and does not change the
// host.
bool HostRun::Locked(const Move& move, Ready& ready) {
  const DeploymentRun::LockState lock = run_.CheckLock(entry_.host.host());
  ready = Ready::kOver;
  if (lock.kind == LockKind::kLeft) return false;
  if (lock.kind == LockKind::kHeld) {
    fencing_ = lock.fencing;
    return true;
  }
  if (move.begins_step && !in_step_) {
    CloseStep(v1::STEP_RESULT_FAILED, lock.why);
    EndAs(v1::HOST_DEPLOYMENT_STATE_FAILED, lock.why);
    return false;
  }
  if (move.kind == Move::Kind::kHook && move.point.starts_with("post-")) return true;
  ready = Ready::kRefused;
  log_.Enter(move.step_number, move.step);
  refusal_ = Refusal(move, lock.why);
  return false;
}

// The result of a move that is not made. What an earlier process or try did of it is unknown.
MoveResult HostRun::Refusal(const Move& move, std::string error) {
  MoveResult result;
  result.outcome = v1::STEP_RESULT_FAILED;
  result.error = std::move(error);
  result.unknown = recovered_ || move.number != progress_.moves;
  return result;
}

// Leaves a host that does not answer before its first move, and before any hook is called for it.
bool HostRun::Reachable() {
  const absl::Status reached = run_.Reach(AgentOf(host_.host));
  if (reached.ok()) return true;
  if (run_.leaving()) return false;
  LeaveUnreachable(std::string(reached.message()));
  return false;
}

MoveDone HostRun::Make(const Move& move) {
  // The configuration may have changed since the last move.
  absl::StatusOr<FleetHost> found = run_.options().fleet->Find(entry_.host.host());
  if (found.ok()) {
    host_ = *std::move(found);
  } else if (move.kind != Move::Kind::kHook && move.step != v1::STEP_KIND_ROLLBACK) {
    MoveDone done;
    done.result = Refusal(move, absl::StrCat(RecordName(move), ": ", found.status().message(),
                                             "; it left the configuration on the way"));
    log_.EndAction(log_.BeginAction(RecordName(move), move.implied,
                                    OperationId(run_.facts(), entry_.host.host(), move)),
                   done.result.error);
    return done;
  }
  return MakeMove({.run = &run_,
                   .index = index_,
                   .entry = &entry_,
                   .log = &log_,
                   .host = &host_,
                   .progress = &progress_,
                   .fencing = fencing_,
                   .repeated = recovered_},
                  move);
}

// Stores the result of a move.
bool HostRun::Advance(const Move& move, MoveResult result) {
  const bool hook = move.kind == Move::Kind::kHook;
  const v1::StepResult outcome = hook ? progress_.step_outcome : result.outcome;
  if (move.Learns()) result.returns = ReturnsOf(entry_.host);
  progress_ = After(std::move(progress_), policy_, move, result);
  const bool step_over =
      progress_.step == v1::STEP_KIND_UNSPECIFIED || progress_.steps != move.step_number;
  if (step_over) log_.End(outcome, outcome == v1::STEP_RESULT_FAILED ? progress_.error : "");
  if (NextMove(progress_, policy_).kind == Move::Kind::kNone) {
    Finish();
    return false;
  }
  stored_ = Save();
  if (hook) {
    CrashPoint("planner-after-hook-stored");
  } else {
    CrashPoint("planner-after-action-stored");
  }
  return stored_;
}

// Restores the progress from before this run. A resumed host that had begun before fails again.
void HostRun::LeaveUnreachable(const std::string& why) {
  progress_ = begun_;
  log_.End(v1::STEP_RESULT_FAILED, why);
  if (begun_.performed || begun_.steps > 0) {
    EndAs(v1::HOST_DEPLOYMENT_STATE_FAILED, absl::StrCat("it cannot be gone on with: ", why));
    return;
  }
  EndAs(v1::HOST_DEPLOYMENT_STATE_UNREACHABLE, why);
}

// Whether the host has more moves: its post- hook releases what its step acquired.
bool HostRun::StopAtHook(const std::string& why) {
  // Stored together with the progress of this host: a planner that is killed in between must
  // neither continue other hosts, nor forget what the hooks of this one acquired.
  halt_ = why;
  if (!KeepsItsPlace(progress_)) return true;
  CloseStep(v1::STEP_RESULT_FAILED, why);
  EndAs(v1::HOST_DEPLOYMENT_STATE_FAILED, why);
  return false;
}

// Ends the record of a step that nobody continues.
void HostRun::CloseStep(v1::StepResult result, const std::string& why) {
  const bool open = log_.record().number() > 0 && !log_.record().has_end_time();
  if (open) log_.End(result, why);
}

void HostRun::EndAs(v1::HostDeploymentState state, const std::string& message) {
  EndHost(entry_, state, message, run_.options().clock->Now());
  SaveEnd();
}

void HostRun::Finish() {
  std::string message = progress_.error;
  if (entry_.rolling_back) {
    message = entry_.host.message();
    if (!TellRollback(progress_, run_, index_, message)) return;
    log_.Enter(progress_.steps, v1::STEP_KIND_ROLLBACK);
    log_.End(progress_.step_outcome, progress_.error);
  }
  EndHost(entry_, progress_.end, message, run_.options().clock->Now());
  SaveEnd();
  CrashPoint("planner-after-host");
}

bool HostRun::Save() {
  Encode();
  if (!run_.StoreHost(index_, entry_, log_.record().number() > 0 ? &log_.record() : nullptr, halt_))
    return false;
  halt_.clear();
  return true;
}

// If the end cannot be stored, the host stays under way.
void HostRun::SaveEnd() {
  const bool rolling_back = std::exchange(entry_.rolling_back, false);
  if (Save()) return;
  entry_.host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
  entry_.rolling_back = rolling_back;
}

void HostRun::Encode() {
  EncodeProgress(progress_, entry_.progress);
  entry_.host.mutable_remaining_actions()->Assign(progress_.remaining.begin(),
                                                  progress_.remaining.end());
}

}  // namespace

HostRecord RunHost(DeploymentRun* run, int index, HostRecord entry, bool recovered) {
  return HostRun(run, index, std::move(entry), recovered).Run();
}

}  // namespace gitops
