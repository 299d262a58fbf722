#ifndef GITOPS_CTL_COMMANDS_COMMANDS_H_
#define GITOPS_CTL_COMMANDS_COMMANDS_H_

#include "absl/status/statusor.h"
#include "common/client/agent_client.h"
#include "ctl/cli/invocation.h"
#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {

// The context of a command. It owns nothing.
struct CommandContext {
  const Invocation& invocation;
  AgentClient& agent;
  Renderer& renderer;
  Console& console;

  // "nginx on web1:8004", escaped.
  std::string Subject() const;
};

// Each command prints its result and returns the exit status, or an error.
using Command = absl::StatusOr<ExitCode> (*)(CommandContext& context);

absl::StatusOr<ExitCode> ListMachines(CommandContext& context);
absl::StatusOr<ExitCode> ListServices(CommandContext& context);
absl::StatusOr<ExitCode> GetService(CommandContext& context);
absl::StatusOr<ExitCode> Freeze(CommandContext& context);
absl::StatusOr<ExitCode> Unfreeze(CommandContext& context);
absl::StatusOr<ExitCode> Pull(CommandContext& context);
absl::StatusOr<ExitCode> Rollback(CommandContext& context);
absl::StatusOr<ExitCode> Diff(CommandContext& context);
absl::StatusOr<ExitCode> Watch(CommandContext& context);
absl::StatusOr<ExitCode> Check(CommandContext& context);
absl::StatusOr<ExitCode> WaitService(CommandContext& context);
absl::StatusOr<ExitCode> History(CommandContext& context);
absl::StatusOr<ExitCode> DebugBundle(CommandContext& context);

// Commands that need no agent.

absl::StatusOr<ExitCode> Help(const Invocation& invocation, Console& console);
absl::StatusOr<ExitCode> Completion(const Invocation& invocation, Console& console);
// Each file by itself. kFailed: one has errors or likely mistakes.
absl::StatusOr<ExitCode> CheckConfigs(const Invocation& invocation, Console& console);
absl::StatusOr<ExitCode> RenderConfig(const Invocation& invocation, Console& console);
absl::StatusOr<ExitCode> PrintConfigSchema(Console& console);
// The hidden command `__man`: the manual page gitopsctl(1) in roff, for the package that installs
// it.
ExitCode ManPage(Console& console);
// The hidden commands `__man SERVER` and `__completion SERVER`, for the same package: the manual
// page gitops-agent(8) and the like, and a completion script for bash. INVALID_ARGUMENT: there is
// no such server.
absl::StatusOr<ExitCode> ServerManPage(const std::string& server, Console& console);
absl::StatusOr<ExitCode> ServerCompletion(const std::string& server, Console& console);
// The hidden command that completion scripts call with the words up to the cursor, the last of
// which is being completed (it may be empty). Prints one candidate per line; never fails.
ExitCode Complete(const std::vector<std::string>& words, Console& console);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_COMMANDS_H_
