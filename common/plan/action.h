#ifndef GITOPS_COMMON_PLAN_ACTION_H_
#define GITOPS_COMMON_PLAN_ACTION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// The traits of all actions of deployments, in one table.

enum class HostAction {
  kUnknown,
  kSkip,
  kPush,
  kReboot,
  kSwitchBoot,
  kSwitch,
  kTest,
  kDryActivate,
  kUploadSecrets,
  kRunSecretTriggers,
  kSync,
  kFreeze,
  kUnfreeze,
};

// The program that performs an action.
enum class Performer {
  kPlanner,  // it only changes the plan
  kAgent,
  kNixAgent,  // an agent whose host has Nix
};

struct ActionTraits {
  HostAction action = HostAction::kUnknown;
  absl::string_view name;
  Performer performer = Performer::kAgent;
  v1::StepKind step = v1::STEP_KIND_DEPLOY;
  // It needs a push before it.
  bool needs_push = false;
  // It puts something new into service; post-activation secrets follow it.
  bool activates = false;
  // DeploymentSpec.service and DeploymentSpec.revision apply to it.
  bool takes_service = false;
  bool takes_revision = false;
  // It takes the host's secrets, only those in the host's own config.
  bool takes_secrets = false;
};

// Every action, in the order of the documentation.
absl::Span<const ActionTraits> AllActionTraits();

// Case-sensitive. ActionTraits{} for an unknown name.
const ActionTraits& TraitsOf(absl::string_view name);
const ActionTraits& TraitsOf(HostAction action);

inline std::string NameOf(HostAction action) { return std::string(TraitsOf(action).name); }
inline bool Is(absl::string_view name, HostAction action) {
  return TraitsOf(name).action == action;
}

}  // namespace gitops

#endif  // GITOPS_COMMON_PLAN_ACTION_H_
