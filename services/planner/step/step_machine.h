#ifndef GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_
#define GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/plan/action.h"

namespace gitops {

// What a host does next: plain functions from where it stands to the next move, and from a move's
// outcome to where it stands then. No clock, no network, no store. The rules are those of the morph
// hooks' design; ADR 0013 tells where it was silent. Actions are those of common/plan/action.h.

// A step that is begun beyond this many fails the host.
inline constexpr int kMostSteps = 100;

absl::string_view StepName(StepKind kind);  // "deploy", "reboot", "dry-activate", "healthchecks"

enum class Outcome { kOk, kFailed, kSkipped };
absl::string_view OutcomeName(Outcome outcome);  // "ok"…, as in X-Gitops-Result

// Where the step under way stands.
enum class Stage {
  kPre,        // its pre- hook is to be asked (where it has one)
  kPreChecks,  // the pre-deploy checks are to be run
  kBody,       // its actions, the reboot or the checks
  kPost,       // its post- hook is to be asked
};

// How a host ended.
enum class HostEnd { kNone, kSucceeded, kSkipped, kFailed };

// An operation of which it is not known whether it was done: the agent went away with the answer.
struct OpenOperation {
  int number = 0;      // Move::number
  std::string action;  // Move::action

  bool operator==(const OpenOperation&) const = default;
};

// Where one host stands: the checkpoint. Stored after every move.
struct HostProgress {
  std::vector<std::string> remaining;
  int steps = 0;                 // begun so far
  int first_step = 0;            // how many had been begun when it was begun or resumed last
  int moves = 0;                 // made so far; the number of the next is part of its operation id
  bool pushed = false;           // a push was performed on this host
  bool prechecked = false;       // the pre-deploy checks have succeeded (or are not wanted)
  bool performed = false;        // anything was done on the host
  bool checked = false;          // health checks have succeeded since the last change
  bool skipped = false;          // `skip` dropped the rest
  bool secrets_due = false;      // upload-secrets left the post-activation ones for later
  bool activated = false;        // something was activated since then
  std::string error;             // why it failed; empty: it has not
  std::optional<StepKind> step;  // under way
  Stage stage = Stage::kPre;
  // So far, kSkipped while nothing was done in it; what its post- hook is told.
  Outcome step_outcome = Outcome::kSkipped;
  HostEnd end = HostEnd::kNone;
  // Asked for again under its number, where the same action comes next: the agent then tells what
  // became of it, and does not do it twice.
  std::optional<OpenOperation> open;

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
  StepKind step = StepKind::kDeploy;  // the step it belongs to
  int step_number = 0;                // from 1 on
  int number = 0;                     // HostProgress::moves, or OpenOperation::number
  std::string point;                  // kHook: "pre-deploy"…
  std::string action;                 // kPerform
  bool implied = false;               // kPerform: not from the list, but needed by what is
  Secrets secrets = Secrets::kNone;   // kPerform of upload-secrets
  // It is the first of its step, so that stopping before it leaves nothing half done.
  bool begins_step = false;

  bool operator==(const Move&) const = default;
};

// A host that is about to begin.
HostProgress BeginHost(std::vector<std::string> actions, const HostPolicy& policy);

// What comes next. The same for the same progress, so that a planner that was killed asks again.
Move NextMove(const HostProgress& progress, const HostPolicy& policy);

// What came of a move.
struct MoveResult {
  Outcome outcome = Outcome::kOk;
  std::string error;                 // kFailed
  bool unknown = false;              // kFailed: an action may have been done all the same
  std::vector<std::string> actions;  // kHook: the list the hook answered with
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

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_STEP_STEP_MACHINE_H_
