#include "absl/strings/str_cat.h"
#include "ctl/commands/commands.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {

absl::StatusOr<ExitCode> Diff(CommandContext& context) {
  const absl::StatusOr<v1::DiffServiceResponse> response =
      context.agent.Diff(context.invocation.arguments[0]);
  if (!response.ok()) return response.status();
  if (absl::Status s = context.renderer.Differences(*response); !s.ok()) return s;
  if (response->truncated()) {
    context.console.err << "gitopsctl: " << context.Subject()
                        << ": there are more differences than these "
                        << response->differences_size()
                        << (response->more() > 0 ? absl::StrCat(", at least ", response->more())
                                                 : "")
                        << "\n";
  }
  if (!response->differences().empty()) return kFailed;
  context.console.err << "gitopsctl: " << context.Subject() << ": no differences from "
                      << ShortHash(response->hash()) << "\n";
  return kDone;
}

}  // namespace gitops::ctl
