#include "gateway/program/settings.h"

#include <algorithm>
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
      {.name = "planner",
       .help = "address of gitops-planner; empty: none",
       .default_value = Loopback(kPlannerPort)},
      {.name = "promotion-receiver",
       .help = "address of gitops-promotion-receiver; empty: none",
       .default_value = Loopback(kPromotionReceiverPort)},
      {.name = "hook-dispatcher",
       .help = "address of gitops-hook-dispatcher; empty: none",
       .default_value = Loopback(kHookDispatcherPort)},
      {.name = "agent",
       .help = "address of the only agent, for hosts that the planner does not know"},
      {.name = "tokens", .help = "file with the hashes of the tokens (TOML)"},
      {.name = "trusted-proxies",
       .help = "addresses and networks of proxies whose X-Forwarded-For is believed",
       .type = Type::kList},
      {.name = "gitopper-access",
       .help = "what callers without a token may do on gitopper's routes",
       .default_value = "none",
       .choices = {"none", "read", "write"}},
      {.name = "rate-limit",
       .help = "requests per second of an address, and of a token, as RATE/s or RATE/s:BURST",
       .default_value = "50/s:500"},
      {.name = "max-body",
       .help = "the largest body of a request, in bytes or as 1MiB",
       .default_value = "1MiB"},
  };
}

// An error of the value of a setting, with its source.
absl::Status BadValue(const Settings& settings, absl::string_view name,
                      const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrCat(settings.Origin(name), ": ", name, ": ", status.message()));
}

absl::Status CheckAddresses(const Settings& settings) {
  for (const auto& [name, port] : {std::pair("planner", kPlannerPort),
                                   {"promotion-receiver", kPromotionReceiverPort},
                                   {"hook-dispatcher", kHookDispatcherPort},
                                   {"agent", kAgentPort}}) {
    const std::string& text = settings.Get(name);
    if (text.empty()) continue;
    const absl::StatusOr<Address> address = ParseAddress(text, port);
    if (!address.ok()) return BadValue(settings, name, address.status());
  }
  return absl::OkStatus();
}

absl::Status ReadValues(GatewayConfig& config) {
  const Settings& settings = config.settings;
  if (absl::Status status = CheckAddresses(settings); !status.ok()) return status;
  absl::StatusOr<TrustedProxies> proxies =
      TrustedProxies::Parse(settings.GetList("trusted-proxies"));
  if (!proxies.ok()) return BadValue(settings, "trusted-proxies", proxies.status());
  config.proxies = *std::move(proxies);
  const absl::StatusOr<RateLimit> rate = ParseRateLimit(settings.Get("rate-limit"));
  if (!rate.ok()) return BadValue(settings, "rate-limit", rate.status());
  config.rate_limit = *rate;
  const absl::StatusOr<int64_t> max_body = ParseBytesText(settings.Get("max-body"));
  if (!max_body.ok()) return BadValue(settings, "max-body", max_body.status());
  config.max_body = std::max<int64_t>(1, *max_body);
  const std::string& access = settings.Get("gitopper-access");
  config.gitopper_access = access == "write"  ? GitopperAccess::kWrite
                           : access == "read" ? GitopperAccess::kRead
                                              : GitopperAccess::kNone;
  return absl::OkStatus();
}

}  // namespace

std::vector<SettingDefinition> GatewaySettings() {
  std::vector<SettingDefinition> all = CommonServerSettings(
      {.listen = Loopback(kGatewayPort), .metrics_listen = "", .state_dir = ""});
  for (SettingDefinition& definition : all) {
    if (definition.name == "listen") {
      definition.help = "serve HTTP on HOST:PORT or unix:PATH; port 0 picks one";
    } else if (definition.name == "metrics-listen") {
      definition.help = "serve metrics and health on HOST:PORT too";
    } else if (definition.name == "state-dir" || definition.name == "store") {
      definition.help = "ignored: this program has no state";
    } else if (definition.name == "tls-dir") {
      definition.help = "serve HTTPS with tls.crt and tls.key of this directory";
    } else if (definition.name == "insecure") {
      definition.help = "allow plain text to clients and servers on other machines";
    }
  }
  for (SettingDefinition& own : OwnSettings()) all.push_back(std::move(own));
  return all;
}

absl::StatusOr<GatewayConfig> LoadGatewayConfig(Settings flags) {
  GatewayConfig config;
  config.settings = std::move(flags);
  if (const std::string file = config.settings.Get("config"); !file.empty()) {
    absl::StatusOr<std::string> text = ReadConfigText(file);
    if (!text.ok()) return text.status();
    absl::StatusOr<Settings> settings =
        AddFileSettings(GatewaySettings(), "gateway", std::move(config.settings), *text, file);
    if (!settings.ok()) return settings.status();
    config.settings = *std::move(settings);
    absl::StatusOr<std::vector<WebhookSpec>> webhooks = ParseWebhooks(*text, file);
    if (!webhooks.ok()) return webhooks.status();
    config.webhooks = *std::move(webhooks);
    config.text = *std::move(text);
  }
  // Other programs, which may share the environment, use the store.
  config.settings.values["store"].value.clear();
  if (absl::Status status = ReadValues(config); !status.ok()) return status;
  return config;
}

}  // namespace gitops
