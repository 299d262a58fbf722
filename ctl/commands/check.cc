#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/text/plural.h"
#include "ctl/commands/commands.h"

namespace gitops::ctl {
namespace {

bool IsWell(const v1::Service& service) {
  return service.state() == v1::SERVICE_STATE_OK || service.state() == v1::SERVICE_STATE_FREEZE;
}

bool IsAmong(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status RequireAll(const std::vector<std::string>& wanted,
                        const std::vector<v1::Service>& services) {
  std::vector<std::string> known;
  known.reserve(services.size());
  for (const v1::Service& service : services) known.push_back(service.service());
  for (const std::string& name : wanted) {
    if (IsAmong(name, known)) continue;
    return absl::NotFoundError(absl::StrCat("no service ", name, " here; there are: ",
                                            known.empty() ? "none" : absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

// Why the agent's config file is not in force; empty: it is.
absl::StatusOr<std::string> ConfigFault(CommandContext& context) {
  const absl::StatusOr<std::vector<v1::Machine>> machines = context.agent.ListMachines();
  if (!machines.ok()) return machines.status();
  return machines->empty() ? "" : machines->front().config_fault();
}

}  // namespace

absl::StatusOr<ExitCode> Check(CommandContext& context) {
  const std::vector<std::string>& wanted = context.invocation.arguments;
  const absl::StatusOr<std::vector<v1::Service>> services = context.agent.ListServices();
  if (!services.ok()) return services.status();
  if (absl::Status status = RequireAll(wanted, *services); !status.ok()) return status;
  std::vector<v1::Service> degraded;
  size_t looked_at = 0;
  for (const v1::Service& service : *services) {
    if (!wanted.empty() && !IsAmong(service.service(), wanted)) continue;
    ++looked_at;
    if (!IsWell(service)) degraded.push_back(service);
  }
  if (absl::Status status = context.renderer.Degraded(degraded); !status.ok()) return status;
  context.console.err << "gitopsctl: " << context.invocation.host << ": "
                      << CountedOf(looked_at - degraded.size(), looked_at, "service")
                      << " OK or FREEZE\n";
  const absl::StatusOr<std::string> fault = ConfigFault(context);
  if (!fault.ok()) return fault.status();
  if (!fault->empty()) {
    context.console.err << "gitopsctl: " << context.invocation.host << ": " << *fault << "\n";
  }
  return degraded.empty() && fault->empty() ? kDone : kFailed;
}

}  // namespace gitops::ctl
