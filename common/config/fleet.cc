#include "common/config/fleet.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/fleet_reader.h"
#include "common/config/service_placement.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

// Marks the keys of an included file as known, and refuses those of the main file.
void KnowIncludedTables(const TomlTable& root, const std::string& main) {
  root.Ignore({"services", "hosts", "checks", "secrets", "include"});
  for (absl::string_view key :
       {"global", "fleet", "agent", "planner", "hook-dispatcher", "promotion-receiver", "gateway",
        "hooks", "clusters", "sinks", "webhooks", "keys"}) {
    if (!root.Has(key)) continue;
    root.Fault(key, absl::StrCat("stands in the main file only, ", main,
                                 "; an included file has services, hosts, checks, secrets and "
                                 "include"));
  }
}

absl::StatusOr<std::vector<FleetSource>> ParseSources(const ConfigFiles& files) {
  std::vector<FleetSource> sources;
  std::vector<std::string> errors;
  const auto parse = [&](const ConfigFiles::File& file) {
    absl::StatusOr<TomlTable> root = ParseToml(file.text, file.path);
    if (!root.ok()) {
      errors.emplace_back(root.status().message());
      return;
    }
    if (&file == &files.main) {
      KnowTopLevelTables(*root);
    } else {
      KnowIncludedTables(*root, files.main.path);
    }
    root->Strings("include");  // read by ReadConfigFiles
    sources.push_back({*std::move(root), ConfigDirectory(file.path)});
  };
  parse(files.main);
  for (const ConfigFiles::File& file : files.included) parse(file);
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return sources;
}

const HostSpec* FindHost(const FleetConfig& config, absl::string_view name) {
  for (const HostSpec& host : config.hosts) {
    if (absl::EqualsIgnoreCase(host.name, name)) return &host;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<FleetConfig> ParseFleetConfig(const ConfigFiles& files) {
  absl::StatusOr<std::vector<FleetSource>> sources = ParseSources(files);
  if (!sources.ok()) return sources.status();
  FleetConfig config;
  config.file = files.main.path;
  ReadServices(*sources, config);
  ReadHosts(*sources, config);
  ReadSharedParts(*sources, config);
  std::vector<ConfigFault> faults;
  for (const FleetSource& source : *sources) {
    const std::vector<ConfigFault> own = source.root.Faults();
    faults.insert(faults.end(), own.begin(), own.end());
  }
  // What follows from names of hosts would only repeat errors.
  if (faults.empty()) faults = CheckPlacements(config);
  if (const absl::Status status = ToStatus(std::move(faults)); !status.ok()) return status;
  return config;
}

absl::StatusOr<FleetConfig> ParseFleetConfig(absl::string_view text, const std::string& file) {
  return ParseFleetConfig(ConfigFiles{{file, std::string(text)}, {}});
}

absl::StatusOr<FleetConfig> LoadFleetConfig(const std::string& file) {
  const ConfigReading reading = ReadConfigFiles(file);
  if (!reading.files.ok()) return reading.files.status();
  return ParseFleetConfig(*reading.files);
}

absl::StatusOr<std::vector<ServiceSpec>> ServicesOf(const FleetConfig& config,
                                                    const std::string& host,
                                                    const std::vector<std::string>& aliases) {
  const HostSpec* const own = FindHost(config, host);
  const std::string name = own == nullptr ? host : own->name;
  const std::vector<std::string> tags = own == nullptr ? std::vector<std::string>() : own->tags;
  std::vector<PlacementConflict> conflicts;
  const ServiceIndex index(config.services);
  const std::vector<Placement> placements = index.On(name, tags, aliases, &conflicts);
  std::vector<ConfigFault> faults;
  for (const PlacementConflict& conflict : conflicts) faults.push_back(conflict.Fault(name));
  std::vector<ServiceSpec> services;
  for (const Placement& placement : placements) {
    services.push_back(Resolve(placement, name, faults));
  }
  std::vector<ServiceSpec> all = services;
  for (const PlacementConflict& conflict : conflicts) {
    const bool exact = conflict.second->hosts == nullptr;
    std::vector<ConfigFault> repeated;
    all.push_back(Resolve({exact ? nullptr : conflict.second, exact ? conflict.second : nullptr},
                          name, repeated));
  }
  CheckSharedLocals(all, faults);
  if (absl::Status status = ToStatus(std::move(faults)); !status.ok()) return status;
  return services;
}

}  // namespace gitops
