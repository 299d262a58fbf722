// The settings of the planner, the hook dispatcher and the promotion receiver.
#include <utility>

#include "common/config/ports.h"
#include "common/program_config/program_settings.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

std::vector<SettingDefinition> PlannersOwn() {
  return {
      {.name = "hook-dispatcher",
       .help = "address of gitops-hook-dispatcher; without it, no hooks are called"},
      {.name = "grants",
       .help = "file of [[grants]]: what people may change, of what their roles allow; empty: all "
               "of it"},
      {.name = "name", .help = "name of this planner in locks and records; empty: the host name"},
      {.name = "heartbeat",
       .help = "how often agents report at least",
       .default_value = "30s",
       .type = Type::kDuration,
       .least = absl::Milliseconds(10)},
      {.name = "stale-after",
       .help = "an agent that is silent for this long is STALE",
       .default_value = "90s",
       .type = Type::kDuration},
      {.name = "lock-ttl",
       .help = "how long a host stays locked after its planner is gone",
       .default_value = "30s",
       .type = Type::kDuration,
       .least = absl::Seconds(1)},
      {.name = "keep-deployments",
       .help = "how many of the newest deployments are kept",
       .default_value = "1000",
       .type = Type::kInt},
      {.name = "keep-for",
       .help = "how long ended deployments are kept; empty: no limit",
       .type = Type::kDuration},
      {.name = "connect-timeout",
       .help = "time limit to connect to an agent or the hook dispatcher",
       .default_value = "5s",
       .type = Type::kDuration,
       .least = absl::Milliseconds(10)},
      {.name = "return-timeout",
       .help = "how long to wait for an agent that was lost during an action",
       .default_value = "30s",
       .type = Type::kDuration},
      {.name = "action-timeout",
       .help = "time limit of one action on a host",
       .default_value = "10m",
       .type = Type::kDuration,
       .least = absl::Seconds(1)},
      {.name = "report-memory",
       .help = "MiB of the reports of all hosts that are kept; an agent beyond that is refused",
       .default_value = "512",
       .type = Type::kInt},
      {.name = "join-listen",
       .help = "serve HTTPS here for hosts that join with a token; empty: do not"},
      {.name = "issuer-dir",
       .help = "directory of the issuing authority for hosts that join ('gitopsctl ca issuer')",
       .default_value = "/var/lib/gitops-planner/issuer"},
      {.name = "max-parallel-hosts",
       .help =
           "hosts in progress at a time, over all deployments; each deployment always gets a 32nd",
       .default_value = "1000",
       .type = Type::kInt},
  };
}

std::vector<SettingDefinition> ReceiversOwn() {
  return {
      {.name = "pipelines", .help = "directory of the pipelines' YAML files"},
      {.name = "secrets",
       .help = "directory of secrets, as NAMESPACE/NAME/KEY; without it there are none"},
      {.name = "secret-grace",
       .help = "how long the old value of a secret is accepted after it was replaced",
       .default_value = "10m",
       .type = Type::kDuration},
      {.name = "max-age",
       .help = "signed events that are older are refused",
       .default_value = "1h",
       .type = Type::kDuration,
       .least = absl::Minutes(1)},
      {.name = "allow-unsigned",
       .help = "take unsigned events of pipelines without a key",
       .default_value = "false",
       .type = Type::kBool},
      {.name = "planner",
       .help = "address of gitops-planner; without it, hosts of the fleet are neither observed nor "
               "deployed to"},
  };
}

}  // namespace

std::vector<SettingDefinition> PlannerSettings() {
  std::vector<SettingDefinition> all =
      CommonServerSettings({.listen = Loopback(kPlannerPort),
                            .metrics_listen = Loopback(kPlannerMetricsPort),
                            .state_dir = "/var/lib/gitops-planner"});
  for (SettingDefinition& own : PlannersOwn()) all.push_back(std::move(own));
  return all;
}

std::vector<SettingDefinition> HookDispatcherSettings() {
  std::vector<SettingDefinition> all =
      CommonServerSettings({.listen = Loopback(kHookDispatcherPort),
                            .metrics_listen = Loopback(kHookDispatcherMetricsPort),
                            .state_dir = ""});
  for (SettingDefinition& definition : all) {
    if (definition.name == "state-dir") {
      definition.help = "directory of the audit; empty: none is kept";
    } else if (definition.name == "store") {
      definition.help = "ignored: this program has no other state";
    }
  }
  return all;
}

std::vector<SettingDefinition> PromotionReceiverSettings() {
  std::vector<SettingDefinition> all =
      CommonServerSettings({.listen = Loopback(kPromotionReceiverPort),
                            .metrics_listen = Loopback(kPromotionReceiverMetricsPort),
                            .state_dir = "/var/lib/gitops-promotion-receiver"});
  for (SettingDefinition& own : ReceiversOwn()) all.push_back(std::move(own));
  return all;
}

}  // namespace gitops
