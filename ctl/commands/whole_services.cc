#include "ctl/commands/whole_services.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "ctl/commands/selected.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_text.h"

namespace gitops::ctl {

absl::StatusOr<WholeServices> AskWholeServices(FleetContext& context, const std::string& service) {
  v1::GetServicesRequest request;
  *request.mutable_selection() = context.selection();
  request.set_service(service);
  const auto outcomes =
      OrNothing(context, context.planner.GetServices(request, [](const v1::HostOutcome&) {}));
  if (!outcomes.ok()) return WithNearest(context, outcomes.status());
  if (outcomes->empty()) {
    if (absl::Status s = ExplainNothing(context, service); !s.ok()) return s;
  }
  WholeServices whole;
  bool reached = outcomes->empty();
  for (const v1::HostOutcome& outcome : *outcomes) {
    reached = reached || !IsUnreachable(outcome);
    if (outcome.code() == 0) {
      whole.services.push_back(outcome.service());
      continue;
    }
    whole.exit_code = kFailed;
    context.console.err << "gitopsctl: " << EscapeLine(outcome.host()) << ": "
                        << EscapeLine(outcome.message()) << " (" << OutcomeText(outcome) << ")\n";
  }
  if (!reached) whole.exit_code = kUnreachable;
  return whole;
}

absl::StatusOr<std::string> PreviousRevision(const v1::Service& service) {
  for (const v1::Change& change : service.changes()) {
    const bool moved = change.from_hash() != change.to_hash() && !change.to_hash().empty();
    if (moved && !change.from_hash().empty()) return change.from_hash();
  }
  // Older than what is kept of the history. A hash that is not on disk was only verified to change
  // nothing: the newest revision is then the published one.
  const auto& revisions = service.revisions();
  const auto now = std::find(revisions.begin(), revisions.end(), service.hash());
  const auto before = (now == revisions.end() ? revisions.begin() : now) - revisions.begin() + 1;
  if (before < revisions.size()) return revisions[static_cast<int>(before)];
  return absl::NotFoundError(absl::StrCat("nothing was published before ", service.hash()));
}

}  // namespace gitops::ctl
