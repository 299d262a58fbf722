#include "services/planner/program/program.h"

#include <sys/resource.h>

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/memory/memory.h"
#include "common/server/lifecycle.h"
#include "common/server/signals.h"
#include "common/server/version.h"
#include "services/planner/program/planner.h"
#include "services/planner/program/settings.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-planner";
constexpr char kUsage[] = "gitops-planner [--config FILE] [FLAGS]";

// Every agent keeps a connection, and the soft limit is often 1,024.
void AllowManyFiles() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int CheckConfig(const Settings& flags, const absl::StatusOr<PlannerConfig>& config) {
  if (flags.Get("config").empty()) {
    return ReportFailure(kProgram, absl::InvalidArgumentError(absl::StrCat(
                                       "no config was named to check; usage: ", kUsage)));
  }
  for (const std::string& warning : config->fleet->warnings) {
    std::cerr << kProgram << ": " << warning << "\n";
  }
  std::cout << flags.Get("config") << ": good; " << config->fleet->hosts.size() << " hosts, "
            << config->fleet->services.size() << " services\n";
  return 0;
}

}  // namespace

int RunPlanner(const std::vector<std::string>& arguments) {
  LimitHeaps();
  BlockSignals();
  AllowManyFiles();
  auto flags = ReadFlags(PlannerSettings(), arguments, ProcessEnvironment);
  if (!flags.ok()) return ReportFailure(kProgram, flags.status());
  if (flags->GetBool("help")) {
    std::cout << UsageText(kUsage, PlannerSettings());
    return 0;
  }
  if (flags->GetBool("version")) {
    std::cout << kProgram << " " << Version() << "\n";
    return 0;
  }
  auto config = LoadPlannerConfig(*flags);
  if (!config.ok()) return ReportFailure(kProgram, config.status());
  if (absl::Status checked = CheckServerSettings(config->settings); !checked.ok()) {
    return ReportFailure(kProgram, checked);
  }
  if (flags->GetBool("check-config")) return CheckConfig(*flags, config);
  for (const std::string& warning : config->fleet->warnings) LogWarning(warning);
  return ServePlanner(*flags, *std::move(config));
}

}  // namespace gitops
