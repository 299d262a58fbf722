#include "agent/operation/reboot_action.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/clock/boot_id.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr absl::Duration kMaxRequest = absl::Seconds(30);

absl::Status RunRebootCommand(const RebootOptions& options) {
  Command command;
  command.argv = absl::StrSplit(options.command, ' ', absl::SkipEmpty());
  command.timeout = kMaxRequest;
  const absl::StatusOr<CommandResult> result = options.runner->Run(command);
  if (!result.ok()) return result.status();
  if (result->ok()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("exit status ", result->exit_status, ": ",
                   EscapeText(absl::StripAsciiWhitespace(result->error_output))));
}

}  // namespace

ActionOutcome Reboot(const RebootOptions& options, const std::string& boot_id, bool again) {
  ActionOutcome outcome = ActionOutcome::Done("the reboot was requested");
  outcome.response.set_boot_id(boot_id);
  if (again) {
    const absl::StatusOr<std::string> now = ReadBootId(options.boot_id_file);
    if (!now.ok()) return ActionOutcome::Of(now.status());
    if (*now != boot_id) {
      outcome.response.set_output("the host has rebooted since the request");
      return outcome;
    }
  }
  const bool by_command = !options.command.empty();
  const absl::Status asked = by_command
                                 ? RunRebootCommand(options)
                                 : options.systemd->Reboot(options.clock->Now() + kMaxRequest, {});
  if (asked.ok()) return outcome;
  return ActionOutcome::Of(
      absl::InternalError(absl::StrCat("cannot reboot", by_command ? " by " : "",
                                       by_command ? options.command : "", ": ", asked.message())));
}

}  // namespace gitops
