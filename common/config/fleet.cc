#include "common/config/fleet.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/fleet_reader.h"
#include "common/config/service_placement.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

// Two services of a host that publish to the same place.
void CheckLocals(const std::vector<ServiceSpec>& services, std::vector<ConfigFault>& faults) {
  struct Owner {
    const ServiceSpec* service;
    const DirectorySpec* directory;
  };
  std::map<absl::string_view, Owner> owners;
  for (const ServiceSpec& spec : services) {
    for (size_t i = 0; i < spec.directories.size(); ++i) {
      const DirectorySpec& directory = spec.directories[i];
      if (directory.local.empty()) continue;
      const auto [first, is_free] = owners.emplace(directory.local, Owner{&spec, &directory});
      if (is_free || first->second.service == &spec) continue;
      faults.push_back(
          {directory.place,
           absl::StrCat("[[services]] \"", spec.service, "\": dirs[", i + 1, "]: local: \"",
                        directory.local, "\" is also a local path of \"",
                        first->second.service->service, "\", in ",
                        first->second.directory->place.SeenFrom(directory.place),
                        ": only one service of a host may publish there")});
    }
  }
}

const HostSpec* FindHost(const FleetConfig& config, absl::string_view name) {
  for (const HostSpec& host : config.hosts) {
    if (absl::EqualsIgnoreCase(host.name, name)) return &host;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<FleetConfig> ParseFleetConfig(absl::string_view text, const std::string& file) {
  absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  FleetConfig config;
  config.file = file;
  KnowTopLevelTables(*root);
  const std::vector<FleetSource> sources = {{*root, ConfigDirectory(file)}};
  ReadServices(sources, config);
  ReadHosts(sources, config);
  ReadSharedParts(sources, config);
  std::vector<ConfigFault> faults = root->Faults();
  // What follows from names of hosts would only repeat errors.
  if (faults.empty()) faults = CheckPlacements(config);
  if (const absl::Status status = ToStatus(std::move(faults)); !status.ok()) return status;
  return config;
}

absl::StatusOr<FleetConfig> LoadFleetConfig(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadConfigText(file);
  if (!text.ok()) return text.status();
  return ParseFleetConfig(*text, file);
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
  CheckLocals(all, faults);
  if (absl::Status status = ToStatus(std::move(faults)); !status.ok()) return status;
  return services;
}

}  // namespace gitops
