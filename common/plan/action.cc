#include "common/plan/action.h"

#include <algorithm>

namespace gitops {
namespace {

constexpr ActionTraits kTraits[] = {
    {.action = HostAction::kSkip, .name = "skip", .performer = Performer::kPlanner},
    {.action = HostAction::kPush, .name = "push", .performer = Performer::kNixAgent},
    {.action = HostAction::kReboot, .name = "reboot", .step = v1::STEP_KIND_REBOOT},
    {.action = HostAction::kSwitchBoot,
     .name = "switch-boot",
     .performer = Performer::kNixAgent,
     .needs_push = true,
     .activates = true},
    {.action = HostAction::kSwitch,
     .name = "switch",
     .performer = Performer::kNixAgent,
     .needs_push = true,
     .activates = true},
    {.action = HostAction::kTest,
     .name = "test",
     .performer = Performer::kNixAgent,
     .needs_push = true,
     .activates = true},
    {.action = HostAction::kDryActivate,
     .name = "dry-activate",
     .performer = Performer::kNixAgent,
     .step = v1::STEP_KIND_DRY_ACTIVATE},
    {.action = HostAction::kUploadSecrets, .name = "upload-secrets", .takes_secrets = true},
    {.action = HostAction::kRunSecretTriggers,
     .name = "run-secret-triggers",
     .takes_secrets = true},
    {.action = HostAction::kSync,
     .name = "sync",
     .activates = true,
     .takes_service = true,
     .takes_revision = true},
    {.action = HostAction::kFreeze, .name = "freeze", .takes_service = true},
    {.action = HostAction::kUnfreeze, .name = "unfreeze", .takes_service = true},
};

constexpr ActionTraits kNone;

template <typename Matches>
const ActionTraits& Find(Matches matches) {
  const auto* const found = std::find_if(std::begin(kTraits), std::end(kTraits), matches);
  return found == std::end(kTraits) ? kNone : *found;
}

}  // namespace

absl::Span<const ActionTraits> AllActionTraits() { return kTraits; }

const ActionTraits& TraitsOf(absl::string_view name) {
  return Find([&](const ActionTraits& traits) { return traits.name == name; });
}

const ActionTraits& TraitsOf(HostAction action) {
  return Find([&](const ActionTraits& traits) { return traits.action == action; });
}

}  // namespace gitops
