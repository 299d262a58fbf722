#ifndef GITOPS_GATEWAY_FRONT_SCOPE_H_
#define GITOPS_GATEWAY_FRONT_SCOPE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/config/toml.h"
#include "common/tls/identity.h"

namespace gitops {

// The hosts that a token is limited to, chosen as by a Selection of the API: a host must match one
// of the globs `on`, and have all tags `tagged`. Both empty: every host.
struct HostScope {
  std::vector<std::string> on, tagged;

  bool everything() const { return on.empty() && tagged.empty(); }
};

// The keys `on` and `tagged`, and `role`, of a row. Faults are reported to the table.
HostScope ReadScope(const TomlTable& table);
Role ReadRole(const TomlTable& table);

// Whether the services can show it as a caller's name: 1 to 64 printable ASCII characters without
// spaces and parentheses.
bool IsCallerName(absl::string_view name);
// The key `name` of a row; a fault if it is no caller's name. Sets the row's name in messages.
std::string ReadName(const TomlTable& table);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_SCOPE_H_
