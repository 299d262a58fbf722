#include "ctl/commands/selected.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/rpc/error.h"
#include "ctl/cli/words.h"
#include "ctl/failure.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using Names = std::vector<std::string>;

bool HasBareComma(const std::string& glob) {
  int depth = 0;
  for (const char c : glob) {
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (c == ',' && depth <= 0) return true;
  }
  return false;
}

// "--on wbe1 --tagged prod,web --skip 3".
std::string FlagsOf(const v1::Selection& selection) {
  Names words;
  for (const std::string& glob : selection.on()) words.push_back(absl::StrCat("--on ", glob));
  if (selection.tagged_size() > 0) {
    words.push_back(absl::StrCat("--tagged ", absl::StrJoin(selection.tagged(), ",")));
  }
  if (selection.skip() > 0) words.push_back(absl::StrCat("--skip ", selection.skip()));
  return absl::StrJoin(words, " ");
}

absl::StatusOr<Names> HostNames(FleetContext& context, const v1::Selection& selection) {
  const absl::StatusOr<std::vector<v1::Host>> hosts = context.planner.ListHosts(selection);
  if (!hosts.ok()) return hosts.status();
  Names names;
  for (const v1::Host& host : *hosts) names.push_back(host.host());
  return names;
}

absl::StatusOr<Names> ServiceNames(FleetContext& context) {
  const auto services = context.planner.ListServices(context.selection(), "");
  if (!services.ok()) return services.status();
  std::set<std::string> names;
  for (const v1::Service& service : *services) names.insert(service.service());
  return Names(names.begin(), names.end());
}

}  // namespace

std::string CommaHint(const v1::Selection& selection) {
  for (const std::string& glob : selection.on()) {
    if (!HasBareComma(glob)) continue;
    return absl::StrCat("a comma separates nothing in --on: write --on '{", glob, "}' or --on ",
                        absl::StrReplaceAll(glob, {{",", " --on "}}));
  }
  return "";
}

absl::Status NoHost(const v1::Selection& selection, const Names& all_hosts) {
  if (all_hosts.empty()) return absl::NotFoundError("the fleet has no hosts");
  absl::Status failure = absl::NotFoundError(absl::StrCat("no host matches ", FlagsOf(selection)));
  if (const std::string hint = CommaHint(selection); !hint.empty()) return WithHint(failure, hint);
  const std::string near =
      selection.on_size() == 1 ? DidYouMean(selection.on(0), all_hosts) : std::string();
  if (!near.empty()) return absl::NotFoundError(absl::StrCat(failure.message(), near));
  return WithHint(failure, "gitopsctl list hosts -o wide shows names and tags");
}

absl::Status NoSuchService(const std::string& service, const Names& known) {
  return WithHint(absl::NotFoundError(absl::StrCat("no selected host has a service ", service,
                                                   DidYouMean(service, known))),
                  "gitopsctl list services shows the existing services");
}

absl::Status ExplainNothing(FleetContext& context, const std::string& service) {
  if (context.invocation.flags.allow_empty()) return absl::OkStatus();
  const absl::StatusOr<Names> hosts = HostNames(context, context.selection());
  if (!hosts.ok()) return hosts.status();
  if (hosts->empty()) {
    const absl::StatusOr<Names> all = HostNames(context, v1::Selection());
    return all.ok() ? NoHost(context.selection(), *all) : all.status();
  }
  if (service.empty()) return absl::OkStatus();
  const absl::StatusOr<Names> known = ServiceNames(context);
  return known.ok() ? NoSuchService(service, *known) : known.status();
}

absl::Status RequireHosts(FleetContext& context) {
  return Narrows(context.selection()) ? ExplainNothing(context) : absl::OkStatus();
}

PlannerClient::Outcomes OrNothing(const FleetContext& context, PlannerClient::Outcomes outcomes) {
  const bool nothing =
      context.invocation.flags.allow_empty() && ReasonName(outcomes.status()) == "NO_HOST_SELECTED";
  return nothing ? PlannerClient::Outcomes(std::vector<v1::HostOutcome>()) : std::move(outcomes);
}

absl::Status WithNearest(FleetContext& context, const absl::Status& failure) {
  if (!HasReason(failure, Reason::kServiceUnknown)) return failure;
  const absl::Status explained = ExplainNothing(context, context.argument(0));
  return absl::IsNotFound(explained) ? explained : failure;
}

absl::StatusOr<v1::Host> FindHost(FleetContext& context, const std::string& name) {
  absl::StatusOr<v1::Host> host = context.planner.GetHost(name);
  if (!absl::IsNotFound(host.status())) return host;
  const absl::StatusOr<Names> all = HostNames(context, v1::Selection());
  return WithHint(absl::NotFoundError(absl::StrCat("no host ", name, " in the fleet",
                                                   all.ok() ? DidYouMean(name, *all) : "")),
                  "gitopsctl list hosts shows the existing hosts");
}

std::string LiteralGlob(const std::string& name) {
  std::string glob;
  for (const char c : name) {
    if (absl::string_view("*?[]{}\\,").find(c) != absl::string_view::npos) glob += '\\';
    glob += c;
  }
  return glob;
}

absl::StatusOr<std::string> DeploymentId(FleetContext& context) {
  if (context.argument(0) != "last") return context.argument(0);
  const absl::StatusOr<std::vector<v1::Deployment>> newest = context.planner.ListDeployments({}, 1);
  if (!newest.ok()) return newest.status();
  if (newest->empty()) return absl::NotFoundError("there is no deployment yet");
  return newest->front().id();
}

}  // namespace gitops::ctl
