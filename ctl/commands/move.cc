#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/whole_services.h"
#include "ctl/failure.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

std::string StateWithInfo(const v1::Service& service) {
  const std::string state = StateText(service.state());
  if (service.state_info().empty()) return state;
  return absl::StrCat(state, " (", EscapeLine(service.state_info()), ")");
}

std::string FromTo(const v1::Service& before, const v1::Service& after) {
  return absl::StrCat(ShortHash(before.hash()), " -> ", ShortHash(after.hash()));
}

std::string Failed(const v1::Service& after) {
  return absl::StrCat("ended in ", StateWithInfo(after), "; ", ShortHash(after.hash()),
                      " is published");
}

absl::StatusOr<ExitCode> Finish(CommandContext& context, const v1::Service& after, bool moved,
                                absl::string_view sentence) {
  const absl::Status status =
      context.renderer.Outcome(after, absl::StrCat(context.Subject(), ": ", sentence));
  if (!status.ok()) return status;
  return moved ? kDone : kFailed;
}

}  // namespace

absl::StatusOr<ExitCode> Pull(CommandContext& context) {
  const std::string& name = context.invocation.arguments[0];
  // The previous revision is not in the answer.
  const absl::StatusOr<v1::Service> before = context.agent.GetService(name);
  if (!before.ok()) return before.status();
  const absl::StatusOr<v1::PullServiceResponse> response = context.agent.Pull(name);
  if (!response.ok()) return FailedMove(response.status());
  const v1::Service& after = response->service();
  if (after.state() == v1::SERVICE_STATE_BROKEN || after.state() == v1::SERVICE_STATE_DIFF) {
    return Finish(context, after, false, absl::StrCat("pull ", Failed(after)));
  }
  const std::string what = response->changed()
                               ? absl::StrCat("pulled ", FromTo(*before, after))
                               : absl::StrCat("nothing new, at ", ShortHash(after.hash()));
  return Finish(context, after, true, absl::StrCat(what, ", ", StateWithInfo(after)));
}

absl::StatusOr<ExitCode> Rollback(CommandContext& context) {
  const std::string& name = context.invocation.arguments[0];
  std::string hash = context.invocation.arguments[1];
  const absl::StatusOr<v1::Service> before = context.agent.GetService(name);
  if (!before.ok()) return before.status();
  if (hash == "previous") {
    absl::StatusOr<std::string> previous = PreviousRevision(*before);
    if (!previous.ok()) return previous.status();
    hash = *std::move(previous);
  }
  const absl::StatusOr<v1::RollbackServiceResponse> response =
      context.agent.Rollback(name, hash, context.invocation.flags.reason);
  if (HasReason(response.status(), Reason::kRevisionUnknown)) {
    return WithHint(response.status(),
                    absl::StrCat("gitopsctl get service ", name, " @", context.invocation.host,
                                 " lists those on disk"));
  }
  if (!response.ok()) return FailedMove(response.status());
  const v1::Service& after = response->service();
  const std::string took = DurationText(FromDuration(response->duration()));
  if (after.state() != v1::SERVICE_STATE_FREEZE) {
    return Finish(context, after, false,
                  absl::StrCat("rollback ", Failed(after), ", after ", took));
  }
  return Finish(context, after, true,
                absl::StrCat("rolled back ", FromTo(*before, after), " in ", took, ", ",
                             StateWithInfo(after)));
}

}  // namespace gitops::ctl
