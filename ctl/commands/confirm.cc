#include "ctl/commands/confirm.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace gitops::ctl {

absl::Status RequireYesOrTerminal(const Invocation& invocation, const Console& console) {
  if (invocation.flags.yes) return absl::OkStatus();
  // Both: the question goes to standard error.
  if (console.in != nullptr && console.in_is_terminal && console.err_is_terminal) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "there is no terminal to ask whether this is meant; -y says so");
}

absl::Status Confirm(const Invocation& invocation, Console& console, absl::string_view question) {
  if (absl::Status status = RequireYesOrTerminal(invocation, console); !status.ok()) return status;
  if (invocation.flags.yes) return absl::OkStatus();
  console.err << question << " [y/N] " << std::flush;
  std::string answer;
  if (!std::getline(*console.in, answer)) console.err << "\n";
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  if (answer == "y" || answer == "yes") return absl::OkStatus();
  return absl::CancelledError("not confirmed; nothing was done");
}

}  // namespace gitops::ctl
