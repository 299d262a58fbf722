#ifndef GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_
#define GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_

#include <optional>
#include <string>
#include <vector>

#include "common/plan/action.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// Decides what a host does next: plain functions from a host's progress to its next move, and from
// the result of a move to the new progress. No clock, no network, no store. The rules are those of
// the morph hooks' design, completed by ADR 0013. Actions are those of common/plan/action.h;
// states, steps and results are the enums of the API (ADR 0022).

// A host that would begin more steps than this fails.
inline constexpr int kMostSteps = 100;

// The stage of the current step. The numbers are stored.
enum class Stage {
  kPre = 0,        // before its pre- hook, if it has one
  kPreChecks = 1,  // before the pre-deploy checks
  kBody = 2,       // its actions, the reboot or the checks
  kPost = 3,       // before its post- hook
};

// An operation whose outcome is not known, because the agent was lost before it answered.
struct OpenOperation {
  int number = 0;      // Move::number
  std::string action;  // Move::action

  bool operator==(const OpenOperation&) const = default;
};

// A service that the host moved, and that a rollback returns to its former commit.
struct Return {
  std::string service;
  std::string from_hash;
  std::string to_hash;  // empty: nothing was published before, so the service stays
  // UNSPECIFIED: not tried yet.
  v1::StepResult result = v1::STEP_RESULT_UNSPECIFIED;

  bool operator==(const Return&) const = default;
};

// The progress of one host: its checkpoint, stored after every move.
struct HostProgress {
  std::vector<std::string> remaining;
  int steps = 0;             // begun so far
  int first_step = 0;        // value of `steps` when the host was begun or resumed last
  int moves = 0;             // made so far; part of the next move's operation id
  bool pushed = false;       // a push was performed on this host
  bool prechecked = false;   // the pre-deploy checks have succeeded
  bool performed = false;    // anything was done on the host
  bool checked = false;      // health checks have succeeded since the last change
  bool skipped = false;      // `skip` dropped the rest
  bool secrets_due = false;  // post-activation secrets are still to be uploaded
  bool activated = false;    // something was activated since then
  std::string error;         // why it failed; in a rollback: what was not returned, and why
  v1::StepKind step = v1::STEP_KIND_UNSPECIFIED;  // the current one; UNSPECIFIED: none
  Stage stage = Stage::kPre;
  // The result of the current step so far, for its post- hook; SKIPPED while nothing was done.
  v1::StepResult step_outcome = v1::STEP_RESULT_SKIPPED;
  // SUCCEEDED, SKIPPED, FAILED, ROLLED_BACK or ROLLBACK_FAILED; UNSPECIFIED: it has not ended.
  v1::HostDeploymentState end = v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED;
  // If the same action comes next, it is repeated under this number: the agent then returns the
  // outcome, and does not do it twice.
  std::optional<OpenOperation> open;
  std::vector<Return> returns;  // of a rollback, in order

  bool operator==(const HostProgress&) const = default;
};

struct HostPolicy {
  bool hooks = true;              // there is a dispatcher
  bool health_checks = true;      // run them; false if there are neither checks nor hooks
  bool pre_deploy_checks = true;  // run them; false if there are none
};

// The next thing to do for a host.
struct Move {
  enum class Kind {
    kNone,  // the host has ended: see HostProgress::end
    kHook,  // call hooks at `point` with the remaining actions, and step_outcome if post-
    kPreDeployChecks,  // run each once
    kPerform,          // perform `action` on the agent
    kReboot,           // reboot, and wait for another boot id
    kHealthChecks,     // run until all succeed
  };
  // Which of the host's secrets to upload.
  enum class Secrets { kNone, kAll, kPreActivation, kPostActivation };

  Kind kind = Kind::kNone;
  v1::StepKind step = v1::STEP_KIND_DEPLOY;  // the step it belongs to
  int step_number = 0;                       // from 1 on
  int number = 0;                            // HostProgress::moves, or OpenOperation::number
  std::string point;                         // kHook: "pre-deploy"…
  std::string action;                        // kPerform
  bool implied = false;                      // kPerform: not in the list, but needed by it
  Secrets secrets = Secrets::kNone;          // kPerform of upload-secrets
  std::string service, hash;  // kPerform of a rollback: what to sync, to which commit
  // The first move of its step, so that a stop before it leaves nothing half done.
  bool begins_step = false;

  // In a rollback: repeats an open operation, to learn what it moved.
  bool Learns() const { return step == v1::STEP_KIND_ROLLBACK && service.empty(); }
  bool operator==(const Move&) const = default;
};

// The next move. The same for the same progress, so that a planner that was killed repeats it.
Move NextMove(const HostProgress& progress, const HostPolicy& policy);

// The result of a move.
struct MoveResult {
  // SKIPPED: health checks that a cancel ended; they are the next step again.
  v1::StepResult outcome = v1::STEP_RESULT_OK;
  std::string error;                 // FAILED
  bool unknown = false;              // FAILED: an action may have been done all the same
  std::vector<std::string> actions;  // kHook: the list the hook answered with
  std::vector<Return> returns;       // Move::Learns(): as for RollingBack()
};

// Whether a hook that fails now leaves the progress as it is, so that `resume` calls the hook
// again. That is so for the post- hook of a step that did not fail, since its actions must not be
// repeated. Pass every other failure of a hook to After().
bool KeepsItsPlace(const HostProgress& progress);

// The progress after `move`, which NextMove() returned.
HostProgress After(HostProgress progress, const HostPolicy& policy, const Move& move,
                   const MoveResult& result);

// The progress of a failed or stopped host after `resume`: it continues with the action or checks
// that failed, in a new step, or with the hook that stopped the deployment.
HostProgress Resumed(HostProgress progress, const HostPolicy& policy);

// The progress of a host that begins its rollback: it returns these services in this order, in a
// step of its own, without hooks and checks. If a sync is open, it is repeated first, since it may
// have moved more; its result then has the services.
HostProgress RollingBack(HostProgress progress, std::vector<Return> returns);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_
