#include "absl/status/status.h"
#include "ctl/commands/commands.h"
#include "ctl/failure.h"

namespace gitops::ctl {

absl::StatusOr<ExitCode> Watch(CommandContext& context) {
  absl::Status printed;
  const absl::Status watched = context.agent.Watch(
      context.invocation.arguments, [&](const v1::WatchServicesResponse& update) {
        printed = context.renderer.Update(update);
        // A reader that has gone (`| head`) ends the watch.
        return printed.ok() && context.console.out.good();
      });
  return EndOfWatch(printed, watched);
}

}  // namespace gitops::ctl
