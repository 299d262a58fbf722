#ifndef GITOPS_COMMON_PROGRAM_CONFIG_SETTING_RULES_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_SETTING_RULES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/settings.h"

namespace gitops {

// What a program refuses of settings whose values have the right types. For the program itself, and
// for gitopsctl, which checks the tables of all programs. INVALID_ARGUMENT, FAILED_PRECONDITION or
// UNIMPLEMENTED: the first error, as SettingFault names it.

// An error of a setting, with the source of its value: "fleet.toml:7: listen: bad address …",
// "--listen: bad address …".
absl::Status SettingFault(const Settings& settings, absl::string_view name,
                          const absl::Status& status);

// Of every server that serves gRPC.
absl::Status CheckServerRules(const Settings& settings);
// Of the gateway: --tls-dir is allowed, and --metrics-listen may be empty.
absl::Status CheckHttpServerRules(const Settings& settings);

// The file of --grants, at the start of a program: a later fault of it leaves the former one in
// force. FAILED_PRECONDITION: it cannot be read.
absl::Status CheckGrants(const Settings& settings);

// Those that are a program's own.
absl::Status CheckAgentRules(const Settings& settings);
absl::Status CheckPlannerRules(const Settings& settings);
absl::Status CheckPromotionReceiverRules(const Settings& settings);
absl::Status CheckGatewayRules(const Settings& settings);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_SETTING_RULES_H_
