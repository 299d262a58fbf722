#include "gateway/program/settings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/config/toml.h"
#include "common/path/read_file.h"
#include "common/rpc/address.h"
#include "common/tls/certificate.h"

namespace gitops {
namespace {

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

std::string ClientTlsDir(const Settings& settings) {
  const std::string& directory = settings.Get("tls-dir");
  if (directory.empty() || settings.GetBool("insecure")) return "";
  const absl::StatusOr<std::string> pem = ReadWholeFile(directory + "/tls.crt", 1 << 20);
  if (!pem.ok()) return "";
  const absl::StatusOr<CertificateInfo> certificate = ReadCertificate(*pem);
  return certificate.ok() && certificate->identity.ok() ? directory : "";
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
