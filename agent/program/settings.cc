#include "agent/program/settings.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/operation/own_config.h"
#include "agent/program/nested_places.h"
#include "common/clock/boot_id.h"
#include "common/config/ports.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

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

std::vector<SettingDefinition> AgentSettings() {
  std::vector<SettingDefinition> all =
      CommonServerSettings({.listen = Loopback(kAgentPort),
                            .metrics_listen = Loopback(kAgentMetricsPort),
                            .state_dir = "/var/lib/gitops-agent"});
  const std::vector<SettingDefinition> own = {
      {.name = "name", .help = "the host's one name in the fleet; empty: the machine's own name"},
      {.name = "hosts",
       .short_flag = "h",
       .help = "aliases, which only select services of the config; hosts may share them",
       .type = Type::kList},
      {.name = "poll",
       .short_flag = "t",
       .help = "poll interval of services for which neither the service nor [global] sets one",
       .default_value = "60s",
       .type = Type::kDuration,
       .least = kLeastPoll},
      {.name = "root",
       .short_flag = "o",
       .help = "publish by bind mounts (needs root); false: by symlinks",
       .default_value = "true",
       .type = Type::kBool},
      {.name = "mount-exchange",
       .help = "for diagnosis: how a bind mount replaces another",
       .default_value = "auto",
       .choices = {"auto", "beneath", "propagation"}},
      {.name = "reboot-command",
       .help = "command for a deployment's reboot, split at spaces; empty: reboot through systemd"},
      {.name = "boot-id-file",
       .help = "file that identifies the boot; with the kernel's file, process 1 counts as well",
       .default_value = kKernelBootIdFile},
      {.name = "debug",
       .short_flag = "d",
       .help = "the same as --log-level debug",
       .default_value = "false",
       .type = Type::kBool},
      {.name = "planner", .help = "report to the planner at HOST:PORT; empty: do not report"},
      {.name = "advertise",
       .help = "address that the planner connects to; empty: the address of --listen"},
      {.name = "restart",
       .short_flag = "r",
       .help = "ignored, for compatibility with gitopper: the config is always followed",
       .default_value = "false",
       .type = Type::kBool},
      {.name = "ssh",
       .short_flag = "s",
       .help = "ignored, for compatibility with gitopper: gitopsctl connects to --listen"},
      {.name = "upstream",
       .short_flag = "U",
       .help = "bootstrap: the repository with the config; --config is a path below --directory",
       .in_file = false},
      {.name = "directory",
       .short_flag = "D",
       .help = "bootstrap: the directory with the config in the repository",
       .default_value = "gitopper",
       .in_file = false},
      {.name = "branch",
       .short_flag = "B",
       .help = "bootstrap: the branch to follow",
       .default_value = "main",
       .in_file = false},
      {.name = "mount",
       .short_flag = "M",
       .help = "bootstrap: the directory for the repository's files",
       .in_file = false},
      {.name = "pull",
       .short_flag = "P",
       .help =
           "bootstrap: fetch from the upstream before starting, even if there is a config already",
       .default_value = "false",
       .type = Type::kBool,
       .in_file = false},
  };
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

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

}  // namespace gitops
