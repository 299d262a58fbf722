#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/client/agent_client.h"
#include "common/client/planner_client.h"
#include "ctl/cli/candidates.h"
#include "ctl/cli/invocation.h"
#include "ctl/client_options.h"
#include "ctl/commands/commands.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

// A key was pressed and somebody waits.
constexpr absl::Duration kPatience = absl::Seconds(1);

bool IsSet(const Console& console, const std::string& flag) {
  const auto value = console.environment(VariableOf(flag));
  return value == "1" || value == "true" || value == "yes" || value == "on";
}

ClientOptions OptionsFor(const std::string& address, const Console& console) {
  Flags flags;
  flags.insecure = IsSet(console, "insecure");
  flags.tls_dir = console.environment(VariableOf("tls-dir")).value_or("");
  flags.timeout = kPatience;
  return ClientOptionsFor(address, flags, console);
}

std::vector<std::string> NamesFromAgent(const Candidates& candidates, const Console& console) {
  std::vector<std::string> names;
  auto agent = AgentClient::New(OptionsFor(candidates.host, console));
  if (!agent.ok()) return names;
  if (candidates.names == Candidates::Names::kRevisions) {
    const auto service = agent->GetService(candidates.service);
    if (!service.ok()) return names;
    names.assign(service->revisions().begin(), service->revisions().end());
  } else if (const auto services = agent->ListServices(); services.ok()) {
    for (const v1::Service& service : *services) names.push_back(service.service());
  }
  return names;
}

std::vector<std::string> NamesFromPlanner(const Candidates& candidates, const Console& console) {
  // As many deployments as anybody looks through.
  constexpr int kLatest = 50;
  std::string address = !candidates.planner.empty()
                            ? candidates.planner
                            : console.environment(VariableOf("planner")).value_or("");
  if (address.empty()) address = DefaultPlanner();
  auto planner = PlannerClient::New(OptionsFor(address, console));
  std::vector<std::string> names;
  if (!planner.ok()) return names;
  if (candidates.names == Candidates::Names::kHosts) {
    const auto hosts = planner->ListHosts(v1::Selection());
    if (!hosts.ok()) return names;
    for (const v1::Host& host : *hosts) names.push_back(host.host());
  } else if (candidates.names == Candidates::Names::kTags) {
    const auto hosts = planner->ListHosts(v1::Selection());
    if (!hosts.ok()) return names;
    std::set<std::string> different;
    for (const v1::Host& host : *hosts) different.insert(host.tags().begin(), host.tags().end());
    names.assign(different.begin(), different.end());
  } else if (candidates.names == Candidates::Names::kDeployments) {
    const auto deployments = planner->ListDeployments({}, kLatest);
    if (!deployments.ok()) return names;
    for (const v1::Deployment& deployment : *deployments) names.push_back(deployment.id());
  } else if (candidates.names == Candidates::Names::kServices) {
    const auto services = planner->ListServices(v1::Selection(), "");
    if (!services.ok()) return names;
    std::set<std::string> different;
    for (const v1::Service& service : *services) different.insert(service.service());
    names.assign(different.begin(), different.end());
  }
  return names;
}

}  // namespace

ExitCode Complete(const std::vector<std::string>& words, Console& console) {
  const Candidates candidates = FindCandidates(words);
  for (const std::string& word : candidates.words) console.out << word << "\n";
  if (candidates.names != Candidates::Names::kNone) {
    const std::vector<std::string> names = candidates.host.empty()
                                               ? NamesFromPlanner(candidates, console)
                                               : NamesFromAgent(candidates, console);
    for (const std::string& name : names) {
      const std::string word = absl::StrCat(candidates.prefix, name);
      if (absl::StartsWith(word, words.back())) console.out << EscapeLine(word) << "\n";
    }
  }
  console.out.flush();
  return kDone;
}

}  // namespace gitops::ctl
