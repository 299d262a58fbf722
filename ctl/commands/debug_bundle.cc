#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/server/version.h"
#include "ctl/commands/bundle.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

// More logs than anybody reads; those of a whole large fleet would be gigabytes.
constexpr size_t kMostHosts = 100;
constexpr int kMostDeployments = 20;

std::string BundleName() {
  return absl::StrCat("gitops-debug-",
                      absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone()));
}

// What is not in the bundle, and why.
using Missing = std::vector<std::string>;

absl::StatusOr<ExitCode> Finish(const Invocation& invocation, Console& console, Bundle& bundle,
                                const std::string& name, const Missing& missing) {
  const std::string about =
      absl::StrCat("gitopsctl ", Version(), "\n", missing.empty() ? "" : "\nMissing:\n",
                   absl::StrJoin(missing, "\n"), "\n");
  if (absl::Status s = bundle.Add("about.txt", about); !s.ok()) return s;
  const std::string& wanted = invocation.flags.out_file;
  const std::string file = wanted.empty() ? absl::StrCat(name, ".tar.gz") : wanted;
  if (absl::Status s = bundle.Pack(file); !s.ok()) return s;
  for (const std::string& line : missing) {
    console.err << "gitopsctl: not in the bundle: " << EscapeLine(line) << "\n";
  }
  const Json tree = {{"file", file}, {"missing", missing}};
  if (invocation.flags.output == OutputForm::kJson) {
    console.out << JsonText(tree);
  } else if (invocation.flags.output == OutputForm::kYaml) {
    console.out << YamlText(tree);
  } else {
    console.out << EscapeLine(file) << "\n";
  }
  console.out << std::flush;
  return kDone;
}

void Miss(const std::string& what, const absl::Status& why, Missing& missing) {
  missing.push_back(
      absl::StrCat(what, ": ", why.message(), " (", absl::StatusCodeToString(why.code()), ")"));
}

// What the planner's lists print as JSON.
template <typename Print>
absl::Status AddJson(Bundle& bundle, const std::string& path, const Print& print) {
  std::ostringstream text;
  RenderOptions options;
  options.form = OutputForm::kJson;
  const std::unique_ptr<FleetRenderer> renderer = MakeFleetRenderer(options, text);
  if (absl::Status s = print(*renderer); !s.ok()) return s;
  return bundle.Add(path, text.str());
}

// The same for a list that may fail.
template <typename List, typename Elements>
absl::Status AddList(Bundle& bundle, const std::string& path, const absl::StatusOr<List>& list,
                     absl::Status (FleetRenderer::*print)(const Elements&), Missing& missing) {
  if (!list.ok()) {
    Miss(path, list.status(), missing);
    return absl::OkStatus();
  }
  return AddJson(bundle, path, [&](FleetRenderer& renderer) { return (renderer.*print)(*list); });
}

absl::Status AddDeployments(FleetContext& context, Bundle& bundle, Missing& missing) {
  const auto newest = context.planner.ListDeployments({}, kMostDeployments);
  if (!newest.ok()) {
    Miss("deployments", newest.status(), missing);
    return absl::OkStatus();
  }
  for (const v1::Deployment& summary : *newest) {
    const absl::StatusOr<v1::Deployment> whole = context.planner.GetDeployment(summary.id());
    const v1::Deployment& best = whole.ok() ? *whole : summary;
    if (!whole.ok()) Miss(absl::StrCat("deployment ", summary.id()), whole.status(), missing);
    const absl::Status added =
        AddJson(bundle, absl::StrCat("fleet/deployments/", FileName(summary.id()), ".json"),
                [&](FleetRenderer& renderer) { return renderer.Deployment(best); });
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> HostsOf(FleetContext& context,
                                                 const std::vector<v1::Host>& hosts,
                                                 Missing& missing) {
  std::vector<std::string> names = context.invocation.arguments;
  for (const std::string& name : names) {
    if (const auto host = FindHost(context, name); !host.ok()) return host.status();
  }
  if (!names.empty()) return names;
  for (const v1::Host& host : hosts) {
    if (names.size() < kMostHosts) names.push_back(host.host());
  }
  if (names.size() < hosts.size()) {
    missing.push_back(absl::StrCat("the agents of ", hosts.size() - names.size(),
                                   " more hosts: name those that matter"));
  }
  return names;
}

}  // namespace

absl::StatusOr<ExitCode> FleetDebugBundle(FleetContext& context) {
  if (absl::Status s = CheckAbsent(context.invocation.flags.out_file); !s.ok()) return s;
  const std::string name = BundleName();
  Missing missing;
  const auto hosts = context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
  if (hosts->empty()) {
    if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  }
  const auto names = HostsOf(context, *hosts, missing);
  if (!names.ok()) return names.status();
  absl::StatusOr<Bundle> bundle = Bundle::Begin(name);
  if (!bundle.ok()) return bundle.status();
  const absl::Status lists[] = {
      AddList(*bundle, "fleet/hosts.json", hosts, &FleetRenderer::Hosts, missing),
      AddList(*bundle, "fleet/services.json", context.planner.ListServices(context.selection(), ""),
              &FleetRenderer::Services, missing),
      AddList(*bundle, "fleet/locks.json", context.planner.ListLocks(), &FleetRenderer::Locks,
              missing),
      AddList(*bundle, "fleet/hooks.json", context.planner.ListHooks(), &FleetRenderer::Hooks,
              missing),
      AddDeployments(context, *bundle, missing),
  };
  for (const absl::Status& added : lists) {
    if (!added.ok()) return added;
  }
  std::vector<std::string> servers = {""};  // the planner
  servers.insert(servers.end(), names->begin(), names->end());
  for (const std::string& host : servers) {
    const absl::StatusOr<v1::DebugInfo> info = context.planner.GetDebugInfo(host);
    if (!info.ok()) {
      Miss(host.empty() ? "the planner" : absl::StrCat("host ", host), info.status(), missing);
      continue;
    }
    const std::string where = host.empty() ? "planner" : absl::StrCat("hosts/", FileName(host));
    if (absl::Status s = bundle->Add(where, *info); !s.ok()) return s;
  }
  return Finish(context.invocation, context.console, *bundle, name, missing);
}

absl::StatusOr<ExitCode> DebugBundle(CommandContext& context) {
  if (!context.invocation.arguments.empty()) {
    return absl::InvalidArgumentError("debug bundle takes one @HOST, or names of hosts without @");
  }
  if (absl::Status s = CheckAbsent(context.invocation.flags.out_file); !s.ok()) return s;
  const std::string name = BundleName();
  Missing missing;
  const absl::StatusOr<v1::DebugInfo> info = context.agent.GetDebugInfo();
  if (!info.ok()) return info.status();
  const auto services = context.agent.ListServices();
  absl::StatusOr<Bundle> bundle = Bundle::Begin(name);
  if (!bundle.ok()) return bundle.status();
  const std::string where =
      absl::StrCat("hosts/", FileName(info->host().empty() ? "agent" : info->host()));
  if (absl::Status s = bundle->Add(where, *info); !s.ok()) return s;
  const absl::Status listed = AddList(*bundle, absl::StrCat(where, "/services.json"), services,
                                      &FleetRenderer::Services, missing);
  if (!listed.ok()) return listed;
  for (const v1::Service& service : services.ok() ? *services : std::vector<v1::Service>()) {
    const absl::StatusOr<v1::Service> whole = context.agent.GetService(service.service());
    if (!whole.ok()) {
      Miss(absl::StrCat("service ", service.service()), whole.status(), missing);
      continue;
    }
    const absl::Status added =
        AddJson(*bundle, absl::StrCat(where, "/services/", FileName(service.service()), ".json"),
                [&](FleetRenderer& renderer) { return renderer.Services({*whole}); });
    if (!added.ok()) return added;
  }
  return Finish(context.invocation, context.console, *bundle, name, missing);
}

}  // namespace gitops::ctl
