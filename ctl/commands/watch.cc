#include "absl/status/status.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/patience.h"
#include "ctl/commands/state_filter.h"
#include "ctl/failure.h"

namespace gitops::ctl {

absl::StatusOr<ExitCode> Watch(CommandContext& context) {
  absl::Status printed;
  StateFilter filter(context.invocation.flags.states);
  const auto show = [&](v1::WatchServicesResponse update) {
    const bool shown =
        update.has_service() && filter.Shows(update.service().service(), update.service(), update);
    if (!shown) update.clear_service();
    printed = context.renderer.Update(update);
    // A reader that has gone (`| head`) ends the watch.
    return printed.ok() && context.console.out.good();
  };
  const absl::Status watched = WatchPatiently(
      {.server = "agent",
       .err = context.console.err,
       .watch =
           [&](bool& answered) {
             return context.agent.Watch(context.invocation.arguments,
                                        [&](const v1::WatchServicesResponse& update) {
                                          answered = true;
                                          return show(update);
                                        });
           },
       .restart = [&] { context.renderer.RestartWatch(); }});
  return EndOfWatch(printed, watched);
}

}  // namespace gitops::ctl
