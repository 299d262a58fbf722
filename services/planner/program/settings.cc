#include "services/planner/program/settings.h"

#include <unistd.h>

#include <utility>

#include "common/config/config_files.h"
#include "common/program_config/setting_rules.h"

namespace gitops {

absl::StatusOr<PlannerConfig> LoadPlannerConfig(Settings flags) {
  PlannerConfig config;
  config.settings = std::move(flags);
  FleetConfig fleet;
  if (const std::string file = config.settings.Get("config"); !file.empty()) {
    const ConfigReading reading = ReadConfigFiles(file);
    if (!reading.files.ok()) return reading.files.status();
    const ConfigFiles& files = *reading.files;
    absl::StatusOr<Settings> settings = AddFileSettings(
        PlannerSettings(), "planner", std::move(config.settings), files.main.text, file);
    absl::StatusOr<FleetConfig> parsed = ParseFleetConfig(files);
    if (absl::Status read = BothRead(settings.status(), parsed.status()); !read.ok()) return read;
    config.settings = *std::move(settings);
    config.text = files.Packed();
    fleet = *std::move(parsed);
  }
  if (absl::Status status = CheckPlannerRules(config.settings); !status.ok()) return status;
  MakeAbsolute(config.settings, "state-dir");
  config.fleet = std::make_shared<const FleetConfig>(std::move(fleet));
  return config;
}

std::string PlannerName(const Settings& settings) {
  if (!settings.Get("name").empty()) return settings.Get("name");
  char name[256] = "";
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

}  // namespace gitops
