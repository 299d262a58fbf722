#include <utility>

#include "common/config/ports.h"
#include "common/program_config/program_settings.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

std::vector<SettingDefinition> GatewaysOwn() {
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

}  // namespace

std::vector<SettingDefinition> GatewaySettings() {
  std::vector<SettingDefinition> all = CommonServerSettings(
      {.listen = Loopback(kGatewayPort), .metrics_listen = "", .state_dir = ""});
  for (SettingDefinition& definition : all) {
    if (definition.name == "listen") {
      definition.help = "serve HTTP on HOST:PORT or unix:PATH; port 0 picks one";
    } else if (definition.name == "metrics-listen") {
      definition.help = "serve metrics and health on HOST:PORT too";
    } else if (definition.name == "state-dir") {
      definition.help = "directory of the audit; empty: none is kept";
    } else if (definition.name == "store") {
      definition.help = "ignored: this program has no other state";
    } else if (definition.name == "tls-dir") {
      definition.help =
          "serve HTTPS with tls.crt and tls.key of this directory; if the certificate is of "
          "gitops://gateway/NAME, also call the other programs with TLS";
    } else if (definition.name == "insecure") {
      definition.help = "allow plain text to clients and servers on other machines";
    }
  }
  for (SettingDefinition& own : GatewaysOwn()) all.push_back(std::move(own));
  return all;
}

}  // namespace gitops
