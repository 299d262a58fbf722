#include "services/planner/program/settings.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/config_files.h"
#include "common/config/ports.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

absl::Status CheckDispatcher(const Settings& settings) {
  const std::string& text = settings.Get("hook-dispatcher");
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<Address> address = ParseAddress(text, kHookDispatcherPort);
  if (address.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(settings.Origin("hook-dispatcher"), ": ", address.status().message()));
}

absl::Status CheckTogether(const Settings& settings) {
  if (absl::Status status = CheckDispatcher(settings); !status.ok()) return status;
  for (const char* name : {"keep-deployments", "max-parallel-hosts", "report-memory"}) {
    if (settings.GetInt(name) >= 1 && settings.GetInt(name) <= 1'000'000) continue;
    return absl::InvalidArgumentError(absl::StrCat(settings.Origin(name), ": ", name, " is ",
                                                   settings.Get(name), "; it may be 1 to 1000000"));
  }
  if (settings.GetDuration("stale-after") > settings.GetDuration("heartbeat")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "stale-after (", settings.Get("stale-after"), ", from ", settings.Origin("stale-after"),
      ") must be longer than heartbeat (", settings.Get("heartbeat"), ", from ",
      settings.Origin("heartbeat"), "), or every agent would be stale between two of them"));
}

}  // namespace

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
  if (absl::Status status = CheckTogether(config.settings); !status.ok()) return status;
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
