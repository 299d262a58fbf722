#include "common/program_config/program_tables.h"

#include <utility>

#include "common/config/settings.h"
#include "common/program_config/clusters_config.h"
#include "common/program_config/hooks_config.h"
#include "common/program_config/program_settings.h"
#include "common/program_config/sinks_config.h"
#include "common/program_config/webhooks_config.h"

namespace gitops {

absl::Status CheckProgramTables(absl::string_view text, const std::string& file) {
  absl::Status all;
  for (const auto& [program, settings] : {std::pair("agent", AgentSettings()),
                                          {"planner", PlannerSettings()},
                                          {"hook-dispatcher", HookDispatcherSettings()},
                                          {"promotion-receiver", PromotionReceiverSettings()},
                                          {"gateway", GatewaySettings()}}) {
    all = BothRead(all, AddFileSettings(settings, program, Settings(), text, file).status());
  }
  all = BothRead(all, ParseHooks(text, file).status());
  all = BothRead(all, ParseClusters(text, file, nullptr).status());
  all = BothRead(all, ParseSinks(text, file).status());
  return BothRead(all, ParseWebhooks(text, file).status());
}

}  // namespace gitops
