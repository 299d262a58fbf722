#include "services/promotion_receiver/program/settings.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/config/toml.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

std::vector<SettingDefinition> OwnSettings() {
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

absl::Status CheckTogether(const Settings& settings) {
  if (settings.Get("pipelines").empty()) {
    return absl::InvalidArgumentError(
        "there are no pipelines: give --pipelines DIR with the YAML files");
  }
  const std::string& planner = settings.Get("planner");
  if (planner.empty()) return absl::OkStatus();
  const absl::StatusOr<Address> address = ParseAddress(planner, kPlannerPort);
  if (address.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(settings.Origin("planner"), ": ", address.status().message()));
}

}  // namespace

std::vector<SettingDefinition> PromotionReceiverSettings() {
  std::vector<SettingDefinition> all =
      CommonServerSettings({.listen = Loopback(kPromotionReceiverPort),
                            .metrics_listen = Loopback(kPromotionReceiverMetricsPort),
                            .state_dir = "/var/lib/gitops-promotion-receiver"});
  for (SettingDefinition& own : OwnSettings()) all.push_back(std::move(own));
  return all;
}

absl::StatusOr<PromotionReceiverConfig> LoadPromotionReceiverConfig(Settings flags) {
  PromotionReceiverConfig config;
  config.settings = std::move(flags);
  if (const std::string file = config.settings.Get("config"); !file.empty()) {
    absl::StatusOr<std::string> text = ReadConfigText(file);
    if (!text.ok()) return text.status();
    absl::StatusOr<Settings> settings = AddFileSettings(
        PromotionReceiverSettings(), "promotion-receiver", std::move(config.settings), *text, file);
    if (!settings.ok()) return settings.status();
    config.settings = *std::move(settings);
    config.text = *std::move(text);
  }
  if (absl::Status status = CheckTogether(config.settings); !status.ok()) return status;
  for (const char* name : {"state-dir", "pipelines", "secrets"})
    MakeAbsolute(config.settings, name);
  return config;
}

}  // namespace gitops
