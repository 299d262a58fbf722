#include "absl/strings/str_cat.h"
#include "ctl/commands/commands.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {

std::string CommandContext::Subject() const {
  return absl::StrCat(EscapeLine(invocation.arguments[0]), " on ", invocation.host);
}

absl::StatusOr<ExitCode> Freeze(CommandContext& context) {
  const absl::StatusOr<v1::Service> service =
      context.agent.Freeze(context.invocation.arguments[0], context.invocation.flags.reason);
  if (!service.ok()) return service.status();
  const absl::Status status = context.renderer.Outcome(
      *service, absl::StrCat(context.Subject(), ": frozen at ", ShortHash(service->hash())));
  if (!status.ok()) return status;
  return kDone;
}

absl::StatusOr<ExitCode> Unfreeze(CommandContext& context) {
  const absl::StatusOr<v1::Service> service =
      context.agent.Unfreeze(context.invocation.arguments[0], context.invocation.flags.reason);
  if (!service.ok()) return service.status();
  const absl::Status status = context.renderer.Outcome(
      *service, absl::StrCat(context.Subject(), ": following ", EscapeLine(service->branch()),
                             " again, now at ", ShortHash(service->hash())));
  if (!status.ok()) return status;
  return kDone;
}

}  // namespace gitops::ctl
