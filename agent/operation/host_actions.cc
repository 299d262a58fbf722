#include "agent/operation/host_actions.h"

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/operation/boot_id.h"
#include "agent/operation/freeze_action.h"
#include "agent/operation/reboot_action.h"
#include "agent/operation/secret_actions.h"
#include "agent/operation/sync_action.h"
#include "common/plan/action.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr char kProgramDirectories[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
    "/nix/var/nix/profiles/default/bin:/run/current-system/sw/bin";

std::string NamesOf(Performer performer) {
  std::vector<absl::string_view> names;
  for (const ActionTraits& traits : AllActionTraits()) {
    if (traits.performer == performer) names.push_back(traits.name);
  }
  return absl::StrJoin(names, ", ");
}

bool IsInstalled(absl::string_view program) {
  for (absl::string_view directory : absl::StrSplit(kProgramDirectories, ':')) {
    if (access(absl::StrCat(directory, "/", program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

class HostActions final : public ActionRunner {
 public:
  explicit HostActions(HostActionsOptions options) : options_(std::move(options)) {}

  absl::Status Check(const v1::PerformActionRequest& request) const override {
    const ActionTraits& traits = TraitsOf(request.action());
    if (traits.performer == Performer::kNixAgent) {
      return MakeError(Reason::kNixMissing,
                       HasNix()
                           ? "this version of the agent has no driver for Nix"
                           : "this host has no Nix (neither nix-env nor nix-store is installed)",
                       {{"action", request.action()}});
    }
    if (traits.action == HostAction::kUnknown || traits.performer != Performer::kAgent) {
      return InvalidField("action", absl::StrCat("\"", request.action(),
                                                 "\" is not an action that an agent performs; use ",
                                                 NamesOf(Performer::kAgent)));
    }
    return CheckSync(request);
  }

  absl::Status Note(const v1::PerformActionRequest& request,
                    record::v1::Operation& operation) override {
    const HostAction action = TraitsOf(request.action()).action;
    if (action == HostAction::kSync) return NoteSync(*options_.agent, request, operation);
    if (action != HostAction::kReboot) return absl::OkStatus();
    const absl::StatusOr<std::string> boot_id = ReadBootId(options_.boot_id_file);
    if (!boot_id.ok()) return absl::InternalError(boot_id.status().message());
    operation.set_boot_id(*boot_id);
    return absl::OkStatus();
  }

  ActionOutcome Perform(const v1::PerformActionRequest& request,
                        const record::v1::Operation& before, bool again) override {
    switch (TraitsOf(request.action()).action) {
      case HostAction::kSync:
        return SyncServices(*options_.agent, request, before);
      case HostAction::kFreeze:
        return FreezeServices(*options_.agent, request);
      case HostAction::kUnfreeze:
        return UnfreezeServices(*options_.agent, request);
      case HostAction::kUploadSecrets:
        return UploadSecrets(request, options_.own_hosts());
      case HostAction::kRunSecretTriggers:
        return RunSecretTriggers(request, options_.own_hosts(), *options_.runner, again);
      case HostAction::kReboot:
        return Reboot({.command = options_.reboot_command(),
                       .boot_id_file = options_.boot_id_file,
                       .systemd = options_.systemd,
                       .runner = options_.runner,
                       .clock = options_.clock},
                      before.boot_id(), again);
      default:  // Check refuses the others
        return ActionOutcome::Of(absl::InternalError(
            absl::StrCat("there is no code for the action \"", request.action(), "\"")));
    }
  }

 private:
  const HostActionsOptions options_;
};

}  // namespace

std::unique_ptr<ActionRunner> NewHostActions(HostActionsOptions options) {
  return std::make_unique<HostActions>(std::move(options));
}

bool HasNix() { return IsInstalled("nix-env") && IsInstalled("nix-store"); }

}  // namespace gitops
