#include "gateway/program/settings.h"

#include <algorithm>
#include <utility>

#include "common/config/toml.h"
#include "common/path/read_file.h"
#include "common/program_config/setting_rules.h"
#include "common/tls/certificate.h"

namespace gitops {
namespace {

absl::Status ReadValues(GatewayConfig& config) {
  const Settings& settings = config.settings;
  if (absl::Status status = CheckGatewayRules(settings); !status.ok()) return status;
  absl::StatusOr<TrustedProxies> proxies =
      TrustedProxies::Parse(settings.GetList("trusted-proxies"));
  if (!proxies.ok()) return SettingFault(settings, "trusted-proxies", proxies.status());
  config.proxies = *std::move(proxies);
  const absl::StatusOr<RateLimit> rate = ParseRateLimit(settings.Get("rate-limit"));
  if (!rate.ok()) return SettingFault(settings, "rate-limit", rate.status());
  config.rate_limit = *rate;
  config.max_body = std::max<int64_t>(1, *ParseBytesText(settings.Get("max-body")));
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
