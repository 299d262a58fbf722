#include "services/promotion_receiver/program/settings.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/config/toml.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

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
