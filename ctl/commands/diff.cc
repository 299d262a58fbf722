#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "ctl/commands/commands.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {

absl::StatusOr<ExitCode> Diff(CommandContext& context) {
  v1::DiffServiceRequest request;
  request.set_service(context.invocation.arguments[0]);
  request.set_content(true);
  const std::string& to = context.invocation.flags.to;
  if (!to.empty()) request.set_to_hash(to);
  absl::StatusOr<v1::DiffServiceResponse> response = context.agent.Diff(request);
  if (HasReason(response.status(), Reason::kPermissionDenied)) {
    context.console.err << "gitopsctl: the content of files is for operators; names only\n";
    request.set_content(false);
    response = context.agent.Diff(request);
  }
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
  context.console.err << "gitopsctl: " << context.Subject() << ": "
                      << (to.empty() ? "no differences from " : "it changes nothing compared with ")
                      << ShortHash(response->hash()) << "\n";
  return kDone;
}

}  // namespace gitops::ctl
