#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "ctl/cli/candidates.h"
#include "ctl/client/agent_client.h"
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

std::vector<std::string> NamesFromAgent(const Candidates& candidates, const Console& console) {
  std::vector<std::string> names;
  AgentClientOptions options;
  options.address = candidates.host;
  options.insecure = IsSet(console, "insecure");
  options.user = console.user;
  options.timeout = kPatience;
  const auto agent = NewAgentClient(options);
  if (!agent.ok()) return names;
  if (candidates.names == Candidates::Names::kRevisions) {
    const auto service = (*agent)->GetService(candidates.service);
    if (!service.ok()) return names;
    names.assign(service->revisions().begin(), service->revisions().end());
  } else if (const auto services = (*agent)->ListServices(); services.ok()) {
    for (const v1::Service& service : *services) names.push_back(service.service());
  }
  return names;
}

}  // namespace

ExitCode Complete(const std::vector<std::string>& words, Console& console) {
  const Candidates candidates = FindCandidates(words);
  for (const std::string& word : candidates.words) console.out << word << "\n";
  if (candidates.names != Candidates::Names::kNone && !candidates.host.empty()) {
    for (const std::string& name : NamesFromAgent(candidates, console)) {
      if (absl::StartsWith(name, words.back())) console.out << EscapeLine(name) << "\n";
    }
  }
  console.out.flush();
  return kDone;
}

}  // namespace gitops::ctl
