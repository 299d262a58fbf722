#ifndef GITOPS_GATEWAY_PROGRAM_SETTINGS_H_
#define GITOPS_GATEWAY_PROGRAM_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "common/program_config/program_settings.h"
#include "common/program_config/webhooks_config.h"
#include "gateway/front/front.h"

namespace gitops {

// The parsed flags and config file.
struct GatewayConfig {
  Settings settings;
  std::string text;  // of the config file, for the tables of other parts
  TrustedProxies proxies;
  RateLimit rate_limit;
  GitopperAccess gitopper_access = GitopperAccess::kNone;
  int64_t max_body = 0;
  std::vector<WebhookSpec> webhooks;
};

// The directory for TLS to the other programs: --tls-dir, if its certificate has an identity of the
// fleet. Another certificate, of a public authority, is only for HTTPS. Empty: plain text.
std::string ClientTlsDir(const Settings& settings);

// Adds the file of --config, if there is one, to the result of ReadFlags. INVALID_ARGUMENT: all
// errors of the file, with file and line, or a bad value, with its source. NOT_FOUND and other
// codes: the file cannot be read.
absl::StatusOr<GatewayConfig> LoadGatewayConfig(Settings flags);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_PROGRAM_SETTINGS_H_
