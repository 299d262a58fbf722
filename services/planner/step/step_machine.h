#ifndef GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_
#define GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_

#include <optional>
#include <string>
#include <vector>

#include "common/plan/action.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// What a host does next: plain functions from where it stands to the next move, and from a move's
// outcome to where it stands then. No clock, no network, no store. The rules are those of the morph
// hooks' design; ADR 0013 tells where it was silent. Actions are those of common/plan/action.h;
// states, steps and results are the enums of the API (ADR 0022).

// A step that is begun beyond this many fails the host.
inline constexpr int kMostSteps = 100;

// Where the step under way stands. The numbers are stored.
enum class Stage {
  kPre = 0,        // its pre- hook is to be asked (where it has one)
  kPreChecks = 1,  // the pre-deploy checks are to be run
  kBody = 2,       // its actions, the reboot or the checks
  kPost = 3,       // its post- hook is to be asked
};

// An operation of which it is not known whether it was done: the agent went away with the answer.
struct OpenOperation {
  int number = 0;      // Move::number
  std::string action;  // Move::action

  bool operator==(const OpenOperation&) const = default;
};

// A service that the host moved, and that a rollback returns to the commit it had.
struct Return {
  std::string service;
  std::string from_hash;
  std::string to_hash;  // empty: nothing was published before, so the service stays
  // UNSPECIFIED: not tried yet.
  v1::StepResult result = v1::STEP_RESULT_UNSPECIFIED;

  bool operator==(const Return&) const = default;
};

// Where one host stands: the checkpoint. Stored after every move.
struct HostProgress {
  std::vector<std::string> remaining;
  int steps = 0;             // begun so far
  int first_step = 0;        // how many had been begun when it was begun or resumed last
  int moves = 0;             // made so far; the number of the next is part of its operation id
  bool pushed = false;       // a push was performed on this host
  bool prechecked = false;   // the pre-deploy checks have succeeded (or are not wanted)
  bool performed = false;    // anything was done on the host
  bool checked = false;      // health checks have succeeded since the last change
  bool skipped = false;      // `skip` dropped the rest
  bool secrets_due = false;  // upload-secrets left the post-activation ones for later
  bool activated = false;    // something was activated since then
  std::string error;         // why it failed; of a rollback: what is not returned, and why
  v1::StepKind step = v1::STEP_KIND_UNSPECIFIED;  // under way; UNSPECIFIED: none
  Stage stage = Stage::kPre;
  // So far, SKIPPED while nothing was done in it; what its post- hook is told.
  v1::StepResult step_outcome = v1::STEP_RESULT_SKIPPED;
  // SUCCEEDED, SKIPPED, FAILED, ROLLED_BACK or ROLLBACK_FAILED; UNSPECIFIED: it has not ended.
  v1::HostDeploymentState end = v1::HOST_DEPLOYMENT_STATE_UNSPECIFIED;
  // Asked for again under its number, where the same action comes next: the agent then tells what
  // became of it, and does not do it twice.
  std::optional<OpenOperation> open;
  std::vector<Return> returns;  // of a rollback, in order

  bool operator==(const HostProgress&) const = default;
};

struct HostPolicy {
  bool hooks = true;  // there is a dispatcher to ask
  bool health_checks =
      true;  // they are wanted (false also where there are neither checks nor hooks)
  bool pre_deploy_checks = true;  // they are wanted, and there are some
};

// The next thing to do for a host.
struct Move {
  enum class Kind {
    kNone,             // it has ended: see HostProgress::end
    kHook,             // ask `point`, with the remaining actions (and step_outcome at post points)
    kPreDeployChecks,  // all of them once, or repeatedly within the time given
    kPerform,          // `action` on the agent
    kReboot,           // and wait for another boot
    kHealthChecks,     // until all succeed
  };
  // Which of the host's secrets an upload is of.
  enum class Secrets { kNone, kAll, kPreActivation, kPostActivation };

  Kind kind = Kind::kNone;
  v1::StepKind step = v1::STEP_KIND_DEPLOY;  // the step it belongs to
  int step_number = 0;                       // from 1 on
  int number = 0;                            // HostProgress::moves, or OpenOperation::number
  std::string point;                         // kHook: "pre-deploy"…
  std::string action;                        // kPerform
  bool implied = false;                      // kPerform: not from the list, but needed by what is
  Secrets secrets = Secrets::kNone;          // kPerform of upload-secrets
  std::string service, hash;  // kPerform of a rollback: what to sync, to which commit
  // It is the first of its step, so that stopping before it leaves nothing half done.
  bool begins_step = false;

  // In a rollback: an operation that is open is asked for again, to learn what it moved.
  bool Learns() const { return step == v1::STEP_KIND_ROLLBACK && service.empty(); }
  bool operator==(const Move&) const = default;
};

// What comes next. The same for the same progress, so that a planner that was killed asks again.
Move NextMove(const HostProgress& progress, const HostPolicy& policy);

// What came of a move.
struct MoveResult {
  v1::StepResult outcome = v1::STEP_RESULT_OK;
  std::string error;                 // FAILED
  bool unknown = false;              // FAILED: an action may have been done all the same
  std::vector<std::string> actions;  // kHook: the list the hook answered with
  std::vector<Return> returns;       // Move::Learns(): as for RollingBack()
};

// Whether a hook that fails now leaves the host where it is, to be asked again by `resume`: the
// post- hook of a step that did not fail, since its actions are not to be done once more. Any other
// failure of a hook is told to After().
bool KeepsItsPlace(const HostProgress& progress);

// The host after `move`, which was NextMove's answer.
HostProgress After(HostProgress progress, const HostPolicy& policy, const Move& move,
                   const MoveResult& result);

// A host that failed or was stopped, about to go on: from the action or checks that failed, in a
// new step, or from the hook that stopped the deployment. What `resume` does.
HostProgress Resumed(HostProgress progress, const HostPolicy& policy);

// A host, wherever it stands, about to return these services in this order: in a step of its own,
// without hooks and checks. An open sync may have moved more; it is asked for again first, and its
// result has the services then.
HostProgress RollingBack(HostProgress progress, std::vector<Return> returns);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_
