#ifndef GITOPS_COMMON_CONFIG_HOST_VALUES_H_
#define GITOPS_COMMON_CONFIG_HOST_VALUES_H_

#include "absl/strings/string_view.h"
#include "common/config/fleet.h"

namespace gitops {

// Sets ${machine} in the checks and secrets of a host. In commands, other variables stay as they
// are: they may be a shell's.
void SetMachine(absl::string_view machine, HostSpec& host);
void SetMachine(absl::string_view machine, ChecksSpec& checks);
void SetMachine(absl::string_view machine, SecretSpec& secret);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_HOST_VALUES_H_
