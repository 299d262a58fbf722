#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crash/crash_point.h"
#include "common/plan/action.h"
#include "services/planner/plan/rollback_plan.h"
#include "services/planner/run/action_request.h"
#include "services/planner/run/host_moves.h"
#include "services/planner/run/host_run.h"
#include "services/planner/run/step_log.h"

namespace gitops {
namespace {

// Whether an answer to an operation that was asked for before tells what it did.
bool TellsWhatWasDone(const PerformOutcome& outcome) {
  if (outcome.status.ok() || outcome.response.moves_size() > 0) return true;
  const bool failed = absl::IsInternal(outcome.status) || absl::IsAborted(outcome.status);
  return failed && !outcome.unknown;
}

// One host on its way back.
class HostRollback {
 public:
  HostRollback(RunControl* run, int index, HostRecord entry)
      : run_(*run), session_(run, index, std::move(entry)), log_(run->options().clock) {}

  HostRecord Run() {
    if (Begin() && LearnOpenMoves() && BringBackAll()) Finish();
    return std::move(session_.entry());
  }

 private:
  bool Begin();
  bool LearnOpenMoves();
  bool BringBackAll();
  bool BringBack(const NetMove& move, int number);
  bool Ask(const v1::PerformActionRequest& request, PerformOutcome& outcome);
  bool FindOtherActions(std::set<std::string>& others);
  void Finish();
  int first_number() { return session_.entry().progress.moves(); }

  RunControl& run_;
  HostSession session_;
  StepLog log_;
  std::string address_;
  std::string before_;  // how the host had ended
  std::vector<std::string> back_, kept_;
  std::string unknown_;  // an action that moves nothing, and of which no more is known
  int asked_ = 0;
};

// Stores that it is being brought back: from here on it counts as under way.
bool HostRollback::Begin() {
  HostRecord& entry = session_.entry();
  before_ = entry.host.message();
  address_ = entry.host.address();
  absl::StatusOr<FleetHost> found = run_.options().fleet->Find(session_.host());
  if (found.ok()) address_ = found->host.address();
  log_.Enter(entry.progress.steps() + 1, v1::STEP_KIND_ROLLBACK);
  entry.rolling_back = true;
  entry.host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
  return session_.Save(&log_.record());
}

// A sync of which no answer came may have moved services. The agent tells by the operation's id;
// one that never heard of it does it now, and is then brought back like the others. False: left, or
// the lock is lost.
bool HostRollback::LearnOpenMoves() {
  HostRecord& entry = session_.entry();
  if (!entry.progress.has_open()) return true;
  Move move;
  move.kind = Move::Kind::kPerform;
  move.action = entry.progress.open().action();
  move.number = entry.progress.open().number();
  if (!TraitsOf(move.action).takes_revision) {
    unknown_ = move.action;
    return true;
  }
  const RunControl::LockState lock = run_.CheckLock(session_.host());
  if (lock.kind == RunControl::LockState::Kind::kLeft) return false;
  std::string why = lock.why;
  if (lock.kind == RunControl::LockState::Kind::kHeld) {
    const auto requests = MakeActionRequests(run_.facts(), entry, HostSpec(), move, lock.fencing);
    if (!requests.ok()) why = std::string(requests.status().message());
    for (size_t i = 0; requests.ok() && i < requests->size() && why.empty(); ++i) {
      PerformOutcome outcome;
      if (!Ask((*requests)[i], outcome)) return false;
      NoteMoves(outcome.response, entry.host);
      if (!TellsWhatWasDone(outcome)) why = std::string(outcome.status.message());
      if (!outcome.status.ok()) break;
    }
  }
  if (!why.empty()) {
    kept_.push_back(absl::StrCat("it is not known what ", move.action, " moved (", why, ")"));
    return true;
  }
  entry.progress.clear_open();
  // Which services there are to bring back must be the same after a restart.
  return session_.Save(&log_.record());
}

// False: left, or the lock is lost.
bool HostRollback::BringBackAll() {
  for (const NetMove& move : NetMoves(session_.entry().host)) {
    if (move.from_hash.empty()) {
      kept_.push_back(absl::StrCat(move.service, " stays at ", move.to_hash,
                                   " (nothing was published before)"));
      continue;
    }
    if (!BringBack(move, first_number() + asked_++)) return false;
  }
  return true;
}

bool HostRollback::BringBack(const NetMove& move, int number) {
  const RunControl::LockState lock = run_.CheckLock(session_.host());
  if (lock.kind == RunControl::LockState::Kind::kLeft) return false;
  if (lock.kind == RunControl::LockState::Kind::kBroken) {
    kept_.push_back(absl::StrCat(move.service, " stays at ", move.to_hash, " (", lock.why, ")"));
    return true;
  }
  v1::PerformActionRequest request;
  *request.mutable_operation() =
      MakeOperation(run_.facts(), session_.host(), absl::StrCat("rollback-", number), lock.fencing);
  request.set_action(NameOf(HostAction::kSync));
  request.set_service(move.service);
  v1::ServiceRevision* revision = request.add_service_revisions();
  revision->set_service(move.service);
  revision->set_hash(move.from_hash);

  v1::ActionRecord* action = log_.BeginAction(request.action(), false, request.operation().id());
  PerformOutcome outcome;
  if (!Ask(request, outcome)) return false;
  action->set_output(outcome.response.output());
  log_.EndAction(action, std::string(outcome.status.message()));
  for (const v1::ServiceMove& moved : outcome.response.moves()) {
    if (moved.from_hash() == moved.to_hash()) continue;
    *session_.entry().host.add_moves() = moved;
  }
  if (outcome.status.ok()) {
    back_.push_back(absl::StrCat(move.service, " is back at ", move.from_hash));
  } else {
    kept_.push_back(absl::StrCat(move.service, " could not be brought back to ", move.from_hash,
                                 " (", outcome.status.message(), ")"));
  }
  return true;
}

bool HostRollback::Ask(const v1::PerformActionRequest& request, PerformOutcome& outcome) {
  CrashPoint("planner-before-rollback");
  outcome = PerformPatiently(run_, address_, request);
  CrashPoint("planner-after-rollback");
  return outcome.status.ok() || !run_.leaving();
}

// What was done on the host besides moving services. False: left.
bool HostRollback::FindOtherActions(std::set<std::string>& others) {
  for (int number = 1; number <= session_.entry().progress.steps(); ++number) {
    v1::StepRecord step;
    if (!session_.LoadStep(number, step)) return false;
    for (const v1::ActionRecord& action : step.actions()) {
      const bool done = action.result() == v1::STEP_RESULT_OK;
      const bool check = absl::EndsWith(action.action(), "-checks");
      if (done && !check && !TraitsOf(action.action()).takes_revision)
        others.insert(action.action());
    }
  }
  return true;
}

void HostRollback::Finish() {
  HostRecord& entry = session_.entry();
  std::set<std::string> undone;
  if (!FindOtherActions(undone)) return;
  std::vector<std::string> told = back_;
  told.insert(told.end(), kept_.begin(), kept_.end());
  if (told.empty()) told.push_back("no service had moved, so there was nothing to bring back");
  if (!undone.empty()) {
    told.push_back(absl::StrCat(absl::StrJoin(undone, ", "), " cannot be undone"));
  }
  if (!unknown_.empty()) {
    told.push_back(absl::StrCat("it is not known whether ", unknown_, " was done"));
  }
  if (!before_.empty()) told.push_back(absl::StrCat("it had failed: ", before_));
  const bool whole = kept_.empty();
  session_.End(
      whole ? v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK : v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED,
      absl::StrJoin(told, "; "));
  log_.End(whole ? Outcome::kOk : Outcome::kFailed, whole ? "" : absl::StrJoin(kept_, "; "));
  entry.rolling_back = false;
  SkipRollbackNumbers(entry);
  if (session_.Save(&log_.record())) return;
  // An end that nobody can read of is none: the host counts as under way, and is left there.
  entry.rolling_back = true;
  entry.host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
}

}  // namespace

void SkipRollbackNumbers(HostRecord& entry) {
  record::v1::HostProgress& progress = entry.progress;
  progress.set_steps(progress.steps() + 1);
  progress.set_moves(progress.moves() + entry.host.moves_size() + 1);
}

HostRecord RollBackHost(RunControl* run, int index, HostRecord entry) {
  return HostRollback(run, index, std::move(entry)).Run();
}

}  // namespace gitops
