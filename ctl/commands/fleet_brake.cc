#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/text/plural.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/diff_content.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/commands/whole_services.h"
#include "ctl/failure.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_text.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

using Outcomes = std::vector<v1::HostOutcome>;

// A single literal host needs no confirmation, as with @HOST.
absl::Status ConfirmForMany(FleetContext& context) {
  if (SelectsOneHost(context.selection())) return absl::OkStatus();
  return Confirm(context, absl::StrCat(NameOf(context.invocation.command), " ",
                                       EscapeLine(context.argument(0)),
                                       " on all hosts that are selected and have it?"));
}

// As far as is known: a silent host may have frozen it since.
bool MayBeFrozen(const v1::Service& service) {
  return !service.frozen_by().empty() || service.state() == v1::SERVICE_STATE_FREEZE ||
         service.state() == v1::SERVICE_STATE_ROLLBACK || service.sync() == v1::SYNC_STATUS_UNKNOWN;
}

bool IsDone(const v1::HostOutcome& outcome) { return outcome.code() == 0; }

ExitCode ExitCodeOf(const Outcomes& outcomes, bool (*succeeded)(const v1::HostOutcome&)) {
  if (std::all_of(outcomes.begin(), outcomes.end(), succeeded)) return kDone;
  return std::all_of(outcomes.begin(), outcomes.end(), IsUnreachable) ? kUnreachable : kFailed;
}

absl::StatusOr<ExitCode> Finish(FleetContext& context, const absl::StatusOr<Outcomes>& answer,
                                bool (*succeeded)(const v1::HostOutcome&)) {
  const absl::StatusOr<Outcomes> outcomes = OrNothing(context, answer);
  if (!outcomes.ok()) return FailedMove(WithNearest(context, outcomes.status()));
  if (outcomes->empty()) {
    if (absl::Status s = ExplainNothing(context, context.argument(0)); !s.ok()) return s;
  }
  if (absl::Status s = context.fleet.Outcomes(*outcomes); !s.ok()) return s;
  return ExitCodeOf(*outcomes, succeeded);
}

// On a terminal, prints each outcome as it comes in.
PlannerClient::OutcomeSeen Teller(FleetContext& context) {
  if (!context.console.err_is_terminal) return [](const v1::HostOutcome&) {};
  std::ostream& err = context.console.err;
  return [&err](const v1::HostOutcome& outcome) {
    err << EscapeLine(outcome.host()) << ": " << OutcomeText(outcome) << std::endl;
  };
}

// What a request of any of the brakes begins with.
template <typename Request>
Request RequestFor(const FleetContext& context) {
  Request request;
  *request.mutable_selection() = context.selection();
  request.set_service(context.argument(0));
  return request;
}

}  // namespace

absl::StatusOr<ExitCode> FreezeFleet(FleetContext& context) {
  if (absl::Status s = ConfirmForMany(context); !s.ok()) return s;
  auto request = RequestFor<v1::FreezeServicesRequest>(context);
  request.set_reason(context.invocation.flags.reason);
  return Finish(context, context.planner.Freeze(request, Teller(context)), IsDone);
}

absl::StatusOr<ExitCode> UnfreezeFleet(FleetContext& context) {
  if (!context.invocation.flags.yes && !SelectsOneHost(context.selection())) {
    if (absl::Status s = RequireYesOrTerminal(context); !s.ok()) return s;
    const absl::StatusOr<std::vector<v1::Service>> services =
        context.planner.ListServices(context.selection(), context.argument(0));
    if (!services.ok()) return services.status();
    if (!services->empty() && std::none_of(services->begin(), services->end(), MayBeFrozen)) {
      context.console.err << "gitopsctl: " << EscapeLine(context.argument(0))
                          << " is frozen on none of " << Counted(services->size(), "host")
                          << "; nothing was done\n";
      return kDone;
    }
  }
  if (absl::Status s = ConfirmForMany(context); !s.ok()) return s;
  auto request = RequestFor<v1::UnfreezeServicesRequest>(context);
  request.set_reason(context.invocation.flags.reason);
  return Finish(context, context.planner.Unfreeze(request, Teller(context)), IsDone);
}

absl::StatusOr<ExitCode> PullFleet(FleetContext& context) {
  if (absl::Status s = ConfirmForMany(context); !s.ok()) return s;
  const auto request = RequestFor<v1::PullServicesRequest>(context);
  return Finish(context, context.planner.Pull(request, Teller(context)),
                [](const v1::HostOutcome& outcome) {
                  const v1::ServiceState state = outcome.service().state();
                  return IsDone(outcome) && state != v1::SERVICE_STATE_BROKEN &&
                         state != v1::SERVICE_STATE_DIFF;
                });
}

namespace {

bool IsRolledBack(const v1::HostOutcome& outcome) {
  return IsDone(outcome) && outcome.service().state() == v1::SERVICE_STATE_FREEZE;
}

v1::HostOutcome WithoutPrevious(const v1::Service& service, const absl::Status& why) {
  v1::HostOutcome outcome;
  outcome.set_host(service.host());
  outcome.set_code(static_cast<int>(why.code()));
  outcome.set_message(std::string(why.message()));
  *outcome.mutable_service() = service;
  return outcome;
}

// Each host goes to the revision that it published before; those with the same one together.
absl::StatusOr<Outcomes> RollbackEach(FleetContext& context) {
  const absl::StatusOr<WholeServices> whole = AskWholeServices(context, context.argument(0));
  if (!whole.ok()) return whole.status();
  if (whole->exit_code != kDone) {
    return absl::FailedPreconditionError(
        "nothing was rolled back, since not every selected host told its history; select those "
        "that did");
  }
  Outcomes all;
  std::map<std::string, v1::Selection> moves;
  for (const v1::Service& service : whole->services) {
    const absl::StatusOr<std::string> previous = PreviousRevision(service);
    if (previous.ok()) {
      moves[*previous].add_on(LiteralGlob(service.host()));
    } else {
      all.push_back(WithoutPrevious(service, previous.status()));
    }
  }
  for (const auto& [hash, hosts] : moves) {
    auto request = RequestFor<v1::RollbackServicesRequest>(context);
    *request.mutable_selection() = hosts;
    request.set_hash(hash);
    request.set_reason(context.invocation.flags.reason);
    const absl::StatusOr<Outcomes> some = context.planner.Rollback(request, Teller(context));
    if (!some.ok()) return some.status();
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

}  // namespace

absl::StatusOr<ExitCode> RollbackFleet(FleetContext& context) {
  if (absl::Status s = ConfirmForMany(context); !s.ok()) return s;
  if (context.argument(1) == "previous")
    return Finish(context, RollbackEach(context), IsRolledBack);
  auto request = RequestFor<v1::RollbackServicesRequest>(context);
  request.set_hash(context.argument(1));
  request.set_reason(context.invocation.flags.reason);
  return Finish(context, context.planner.Rollback(request, Teller(context)), IsRolledBack);
}

absl::StatusOr<ExitCode> DiffFleet(FleetContext& context) {
  auto request = RequestFor<v1::DiffServicesRequest>(context);
  const std::string& to = context.invocation.flags.to;
  if (!to.empty()) request.set_to_hash(to);
  const absl::StatusOr<Outcomes> outcomes = OrNothing(context, DiffWithContent(context, request));
  if (!outcomes.ok()) return WithNearest(context, outcomes.status());
  if (outcomes->empty()) {
    if (absl::Status s = ExplainNothing(context, context.argument(0)); !s.ok()) return s;
  }
  if (absl::Status s = context.fleet.Differences(*outcomes); !s.ok()) return s;
  for (const v1::HostOutcome& outcome : *outcomes) {
    context.console.err << "gitopsctl: " << EscapeLine(outcome.host()) << ": ";
    if (!IsDone(outcome)) {
      context.console.err << EscapeLine(outcome.message()) << " (" << OutcomeText(outcome) << ")\n";
    } else if (outcome.diff().differences().empty()) {
      context.console.err << "no differences from " << ShortHash(outcome.diff().hash()) << "\n";
    } else {
      context.console.err << Counted(outcome.diff().differences_size(), "difference") << " from "
                          << ShortHash(outcome.diff().hash())
                          << (outcome.diff().truncated() ? ", and more\n" : "\n");
    }
  }
  return ExitCodeOf(*outcomes, [](const v1::HostOutcome& outcome) {
    return IsDone(outcome) && outcome.diff().differences().empty();
  });
}

}  // namespace gitops::ctl
