#include "agent/program/settings.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/operation/own_config.h"
#include "agent/program/nested_places.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

absl::Status CheckKinds(const std::vector<ServiceSpec>& services) {
  for (const ServiceSpec& service : services) {
    if (!service.nix.has_value()) continue;
    return absl::UnimplementedError(
        absl::StrCat(service.place.ToString(), ": [[services]] \"", service.service,
                     "\": profile: following a Hydra job (profile, job_uri) is not part of this "
                     "version; remove it from this host's services"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AgentConfig> ParseAgentConfig(Settings flags, const std::string& text,
                                             const std::string& config_file,
                                             const std::string& host_name) {
  const ConfigFiles files = ConfigFiles::Unpack(config_file, text);
  absl::StatusOr<Settings> settings =
      AddFileSettings(AgentSettings(), "agent", std::move(flags), files.main.text, config_file);
  absl::StatusOr<FleetConfig> fleet = ParseFleetConfig(files);
  if (absl::Status read = BothRead(settings.status(), fleet.status()); !read.ok()) return read;
  MakeAbsolute(*settings, "state-dir");
  if (settings->GetBool("debug")) settings->values["log-level"].value = "debug";
  AgentConfig config;
  config.config_file = config_file;
  config.text = text;
  config.warnings = fleet->warnings;
  absl::StatusOr<HostNames> names = DecideHostNames(*settings, *fleet, host_name);
  if (!names.ok()) return names.status();
  absl::StatusOr<std::vector<ServiceSpec>> services =
      ServicesOf(*fleet, names->own, names->aliases);
  if (!services.ok()) return services.status();
  if (absl::Status kinds = CheckKinds(*services); !kinds.ok()) return kinds;
  if (!settings->GetBool("root")) {
    if (absl::Status nested = CheckNestedPlaces(*services); !nested.ok()) return nested;
  }
  for (ServiceSpec& service : *services) service.machine = names->HostOf(service.machine);
  config.services = *std::move(services);
  std::set<std::string> machines(names->aliases.begin(), names->aliases.end());
  machines.insert(names->name);
  config.machines.assign(machines.begin(), machines.end());
  // A deployment reaches a host whose name is certain by this name only.
  config.hosts = HostsOf(*fleet, names->certain ? std::vector{names->name} : config.machines);
  if (names->certain) config.digest = DigestOf(*fleet, names->name);
  config.host = *std::move(names);
  config.settings = *std::move(settings);
  return config;
}

std::string HostName() {
  char name[256] = "";
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

std::set<std::string> SecretFilesOf(const AgentConfig& config) {
  std::set<std::string> files;
  for (const HostSpec& host : config.hosts) {
    for (const auto& [name, secret] : host.secrets) files.insert(EscapeText(secret.destination));
  }
  return files;
}

}  // namespace gitops
