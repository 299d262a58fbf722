#include "ctl/commands/commands.h"

namespace gitops::ctl {

absl::StatusOr<ExitCode> GetService(CommandContext& context) {
  if (context.invocation.flags.watch) return Watch(context);
  const absl::StatusOr<v1::Service> service =
      context.agent.GetService(context.invocation.arguments[0]);
  if (!service.ok()) return service.status();
  if (absl::Status s = context.renderer.Service(*service); !s.ok()) return s;
  return kDone;
}

}  // namespace gitops::ctl
