#ifndef GITOPS_COMMON_PROGRAM_CONFIG_SINKS_CONFIG_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_SINKS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/log/secret.h"

namespace gitops {

// One [[sinks]]: where notifications of promotions go. docs/reference/promotion-strategies.md lists
// the keys.
struct SinkSpec {
  enum class Type {
    kCloudEvents,  // a structured JSON CloudEvent
    kFlux,         // an event for Flux's notification-controller
  };
  std::string name;
  Type type = Type::kCloudEvents;
  std::string url;      // may contain a password: print RedactUrl(url) instead
  Secret secret;        // empty: notifications are not signed
  std::string ca_file;  // absolute; empty: the system's authorities
};

// The [[sinks]] of a config file, in order, with the secrets from their secret_file. `file` is used
// in messages and as the base of relative paths. Other tables are skipped. INVALID_ARGUMENT: all
// errors, one per line, in the format of ParseFleetConfig; never a secret.
absl::StatusOr<std::vector<SinkSpec>> ParseSinks(absl::string_view text, const std::string& file);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_SINKS_CONFIG_H_
