#include "agent/operation/host_actions.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/operation/freeze_action.h"
#include "agent/operation/reboot_action.h"
#include "agent/operation/secret_actions.h"
#include "agent/operation/sync_action.h"
#include "common/clock/boot_id.h"
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

// One action, as the agent knows it. The functions are those of ActionRunner; null: nothing to do.
struct ActionEntry {
  struct Host {
    const OperationOptions& options;
    ProcessRunner& runner;
  };
  struct Call {
    const v1::PerformActionRequest& request;
    const record::v1::Operation& before;
    bool again;
    const std::function<bool()>& abandoned;
  };

  HostAction action;
  absl::Status (*check)(const Host& host, const v1::PerformActionRequest& request) = nullptr;
  absl::Status (*note)(const Host& host, const v1::PerformActionRequest& request,
                       record::v1::Operation& operation) = nullptr;
  ActionOutcome (*perform)(const Host& host, const Call& call) = nullptr;
};
using Host = ActionEntry::Host;
using Call = ActionEntry::Call;

constexpr ActionEntry kActions[] = {
    {.action = HostAction::kSync,
     .check = [](const Host&,
                 const v1::PerformActionRequest& request) { return CheckSync(request); },
     .note =
         [](const Host& host, const v1::PerformActionRequest& request,
            record::v1::Operation& operation) {
           return NoteSync(*host.options.agent, request, operation);
         },
     .perform =
         [](const Host& host, const Call& call) {
           return SyncServices(*host.options.agent, call.request, call.before, call.abandoned);
         }},
    {.action = HostAction::kFreeze,
     .perform =
         [](const Host& host, const Call& call) {
           return FreezeServices(*host.options.agent, call.request, call.abandoned);
         }},
    {.action = HostAction::kUnfreeze,
     .perform =
         [](const Host& host, const Call& call) {
           return UnfreezeServices(*host.options.agent, call.request, call.abandoned);
         }},
    {.action = HostAction::kUploadSecrets,
     .check =
         [](const Host& host, const v1::PerformActionRequest& request) {
           return CheckUploads(request, host.options.own_hosts());
         },
     .perform =
         [](const Host& host, const Call& call) {
           return UploadSecrets(call.request, host.options.own_hosts());
         }},
    {.action = HostAction::kRunSecretTriggers,
     .check =
         [](const Host& host, const v1::PerformActionRequest& request) {
           return CheckTriggers(request, host.options.own_hosts());
         },
     .perform =
         [](const Host& host, const Call& call) {
           return RunSecretTriggers(call.request, host.options.own_hosts(), host.runner,
                                    call.again);
         }},
    {.action = HostAction::kReboot,
     .note =
         [](const Host& host, const v1::PerformActionRequest&, record::v1::Operation& operation) {
           const absl::StatusOr<std::string> boot_id = ReadBootId(host.options.boot_id_file);
           if (!boot_id.ok()) return absl::InternalError(boot_id.status().message());
           operation.set_boot_id(*boot_id);
           return absl::OkStatus();
         },
     .perform =
         [](const Host& host, const Call& call) {
           return Reboot({.command = host.options.reboot_command(),
                          .boot_id_file = host.options.boot_id_file,
                          .systemd = host.options.systemd,
                          .runner = &host.runner,
                          .clock = host.options.clock},
                         call.before.boot_id(), call.again);
         }},
};

// Null: the agent does not perform it.
const ActionEntry* EntryOf(const v1::PerformActionRequest& request) {
  const HostAction action = TraitsOf(request.action()).action;
  const auto* const found =
      std::find_if(std::begin(kActions), std::end(kActions),
                   [action](const ActionEntry& entry) { return entry.action == action; });
  return found == std::end(kActions) ? nullptr : found;
}

class HostActions final : public ActionRunner {
 public:
  HostActions(OperationOptions options, ProcessRunner* runner)
      : options_(std::move(options)), host_{options_, *runner} {}

  absl::Status Check(const v1::PerformActionRequest& request) const override {
    const ActionEntry* const entry = EntryOf(request);
    if (entry == nullptr) return Refuse(request.action());
    return entry->check == nullptr ? absl::OkStatus() : entry->check(host_, request);
  }

  absl::Status Note(const v1::PerformActionRequest& request,
                    record::v1::Operation& operation) override {
    const ActionEntry& entry = *EntryOf(request);
    return entry.note == nullptr ? absl::OkStatus() : entry.note(host_, request, operation);
  }

  ActionOutcome Perform(const v1::PerformActionRequest& request,
                        const record::v1::Operation& before, bool again,
                        const std::function<bool()>& abandoned) override {
    return EntryOf(request)->perform(host_, {request, before, again, abandoned});
  }

 private:
  static absl::Status Refuse(const std::string& action) {
    if (TraitsOf(action).performer == Performer::kNixAgent) {
      return MakeError(Reason::kNixMissing,
                       HasNix()
                           ? "this version of the agent has no driver for Nix"
                           : "this host has no Nix (neither nix-env nor nix-store is installed)",
                       {{"action", action}});
    }
    return InvalidField(
        "action", absl::StrCat("\"", action, "\" is not an action that an agent performs; use ",
                               NamesOf(Performer::kAgent)));
  }

  const OperationOptions options_;
  const ActionEntry::Host host_;
};

}  // namespace

std::unique_ptr<ActionRunner> NewHostActions(OperationOptions options, ProcessRunner* runner) {
  return std::make_unique<HostActions>(std::move(options), runner);
}

bool HasNix() { return IsInstalled("nix-env") && IsInstalled("nix-store"); }

}  // namespace gitops
