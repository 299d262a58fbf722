#include "common/program_config/program_tables.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/config/settings.h"
#include "common/program_config/clusters_config.h"
#include "common/program_config/hooks_config.h"
#include "common/program_config/program_settings.h"
#include "common/program_config/setting_rules.h"
#include "common/program_config/sinks_config.h"
#include "common/program_config/webhooks_config.h"

namespace gitops {

namespace {

using Rules = absl::Status (*)(const Settings&);

struct Program {
  const char* name;
  std::vector<SettingDefinition> settings;
  Rules common, own;
};

absl::Status CheckProgram(const Program& program, absl::string_view text, const std::string& file) {
  const auto none = [](const std::string&) { return std::nullopt; };
  absl::StatusOr<Settings> settings = ReadFlags(program.settings, {}, none);
  if (!settings.ok()) return settings.status();
  settings = AddFileSettings(program.settings, program.name, *std::move(settings), text, file);
  if (!settings.ok()) return settings.status();
  return BothRead(program.common(*settings), program.own(*settings));
}

// A file that is only on the host of the program is not judged.
template <Rules kOwn>
absl::Status WithGrants(const Settings& settings) {
  const absl::Status grants = CheckGrants(settings);
  return BothRead(kOwn(settings), absl::IsInvalidArgument(grants) ? grants : absl::OkStatus());
}

}  // namespace

absl::Status CheckProgramTables(absl::string_view text, const std::string& file) {
  const Rules none = [](const Settings&) { return absl::OkStatus(); };
  absl::Status all;
  for (const Program& program : {
           Program{"agent", AgentSettings(), CheckServerRules, WithGrants<CheckAgentRules>},
           Program{"planner", PlannerSettings(), CheckServerRules, WithGrants<CheckPlannerRules>},
           Program{"hook-dispatcher", HookDispatcherSettings(), CheckServerRules, none},
           Program{"promotion-receiver", PromotionReceiverSettings(), CheckServerRules,
                   CheckPromotionReceiverRules},
           Program{"gateway", GatewaySettings(), CheckHttpServerRules, CheckGatewayRules},
       }) {
    all = BothRead(all, CheckProgram(program, text, file));
  }
  all = BothRead(all, ParseHooks(text, file).status());
  all = BothRead(all, ParseClusters(text, file, nullptr).status());
  all = BothRead(all, ParseSinks(text, file).status());
  all = BothRead(all, ParseWebhooks(text, file).status());
  return all.ok() ? all : absl::InvalidArgumentError(all.message());
}

}  // namespace gitops
