#include "common/clock/boot_id.h"
#include "common/config/fleet.h"
#include "common/config/ports.h"
#include "common/program_config/program_settings.h"

namespace gitops {

using Type = SettingDefinition::Type;

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
      {.name = "host-root",
       .help = "in a container: where the host's file system is mounted, with propagation; the "
               "agent makes it its root, and runs only git in the container",
       .in_file = false},
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
      {.name = "grants",
       .help = "file of [[grants]]: what people may change, of what their roles allow; empty: all "
               "of it"},
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

}  // namespace gitops
