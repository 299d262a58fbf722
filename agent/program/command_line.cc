#include "agent/program/command_line.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/program/config_in_force.h"
#include "agent/program/host_root.h"
#include "agent/program/join_command.h"
#include "agent/program/program.h"
#include "agent/program/settings.h"
#include "common/program_config/setting_rules.h"
#include "common/server/lifecycle.h"
#include "common/server/program.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

constexpr char kUsage[] = "gitops-agent --config FILE [FLAGS]";

int CheckConfig(const Settings& flags) {
  const std::string& file = flags.Get("config");
  const ConfigInForce checked(
      {.flags = flags, .file = file, .host_name = HostName(), .bootstrap = {}}, nullptr);
  const auto config = checked.Read();
  if (!config.ok()) return ReportFailure(kAgentProgram, config.status());
  if (const absl::Status grants = CheckGrants(config->settings); !grants.ok()) {
    return ReportFailure(kAgentProgram, grants);
  }
  for (const std::string& warning : config->warnings)
    std::cerr << kAgentProgram << ": " << warning << "\n";
  std::cout << file << ": good; " << Counted(config->services.size(), "service") << " for "
            << absl::StrJoin(config->machines, ", ") << "\n";
  return 0;
}

int Run(Settings flags) {
  absl::StatusOr<Fd> container = EnterHostRoot(flags);
  if (!container.ok()) return ReportFailure(kAgentProgram, container.status());
  MakeAbsolute(flags, "state-dir");  // git runs in another directory
  if (flags.Get("config").empty()) {
    return ReportFailure(kAgentProgram, absl::InvalidArgumentError(absl::StrCat(
                                            "there is no config file; usage: ", kUsage)));
  }
  if (flags.GetBool("check-config")) return CheckConfig(flags);
  return ServeAgent(flags, *std::move(container));
}

}  // namespace

int RunAgent(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == "hail") {
    return ReportFailure(
        kAgentProgram,
        absl::UnimplementedError("hail: following a Hydra job is not part of this version"));
  }
  if (!arguments.empty() && arguments[0] == "join") {
    return RunJoin({arguments.begin() + 1, arguments.end()});
  }
  return RunServerProgram({kAgentProgram, kUsage, AgentSettings()}, arguments, Run);
}

}  // namespace gitops
