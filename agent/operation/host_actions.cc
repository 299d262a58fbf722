#include "agent/operation/host_actions.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/operation/boot_id.h"
#include "agent/operation/freeze_action.h"
#include "agent/operation/reboot_action.h"
#include "agent/operation/secret_actions.h"
#include "agent/operation/sync_action.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr absl::string_view kActions[] = {"sync",   "freeze",         "unfreeze",
                                          "reboot", "upload-secrets", "run-secret-triggers"};
constexpr absl::string_view kNixActions[] = {"push", "switch", "switch-boot", "test",
                                             "dry-activate"};
constexpr char kProgramDirectories[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
    "/nix/var/nix/profiles/default/bin:/run/current-system/sw/bin";

template <typename Words>
bool Contains(const Words& words, absl::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
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
    const std::string& action = request.action();
    if (Contains(kNixActions, action)) {
      return MakeError(Reason::kNixMissing,
                       HasNix()
                           ? "this version of the agent has no driver for Nix"
                           : "this host has no Nix (neither nix-env nor nix-store is installed)",
                       {{"action", action}});
    }
    if (Contains(kActions, action)) return CheckSync(request);
    return InvalidField("action", absl::StrCat("\"", action, "\" is no action of a host; known: ",
                                               absl::StrJoin(kActions, ", ")));
  }

  absl::Status Note(const v1::PerformActionRequest& request,
                    record::v1::Operation& operation) override {
    if (request.action() == "sync") return NoteSync(*options_.agent, request, operation);
    if (request.action() != "reboot") return absl::OkStatus();
    const absl::StatusOr<std::string> boot_id = ReadBootId(options_.boot_id_file);
    if (!boot_id.ok()) return absl::InternalError(boot_id.status().message());
    operation.set_boot_id(*boot_id);
    return absl::OkStatus();
  }

  ActionOutcome Perform(const v1::PerformActionRequest& request,
                        const record::v1::Operation& before, bool again) override {
    const std::string& action = request.action();
    if (action == "sync") return SyncServices(*options_.agent, request, before);
    if (action == "freeze") return FreezeServices(*options_.agent, request);
    if (action == "unfreeze") return UnfreezeServices(*options_.agent, request);
    if (action == "upload-secrets") return UploadSecrets(request, options_.own_hosts());
    if (action == "run-secret-triggers") {
      return RunSecretTriggers(request, options_.own_hosts(), *options_.runner, again);
    }
    return Reboot({.command = options_.reboot_command(),
                   .boot_id_file = options_.boot_id_file,
                   .systemd = options_.systemd,
                   .runner = options_.runner,
                   .clock = options_.clock},
                  before.boot_id(), again);
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
