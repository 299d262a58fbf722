#include "services/promotion_receiver/program/settings.h"

#include <utility>

#include "common/config/toml.h"
#include "common/program_config/setting_rules.h"

namespace gitops {
namespace {

absl::Status CheckTogether(const Settings& settings) {
  if (settings.Get("pipelines").empty()) {
    return absl::InvalidArgumentError(
        "there are no pipelines: give --pipelines DIR with the YAML files");
  }
  return CheckPromotionReceiverRules(settings);
}

}  // namespace

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
