#include "agent/program/debug_config.h"

#include "absl/strings/str_cat.h"
#include "common/config/fleet.h"
#include "common/config/fleet_render.h"
#include "common/server/debug_info.h"

namespace gitops {

std::string RenderForDebug(const AgentConfig& config) {
  FleetConfig fleet;
  fleet.file = "the configuration";
  fleet.services.assign(config.services.begin(), config.services.end());
  fleet.hosts = config.hosts;
  HideSecrets(fleet);
  std::string text = absl::StrCat(RenderSettings("agent", config.settings), "\n");
  const auto rendered = RenderHost(fleet, config.host.name, config.machines);
  // A host without services has nothing more.
  absl::StrAppend(&text,
                  rendered.ok() ? *rendered : absl::StrCat("# ", rendered.status().message()));
  return text;
}

}  // namespace gitops
