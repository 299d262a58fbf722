#ifndef GITOPS_COMMON_TLS_IDENTITY_H_
#define GITOPS_COMMON_TLS_IDENTITY_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What the holder of a certificate or token is. The first five are programs, the others people.
enum class Role {
  kAgent,
  kPlanner,
  kHookDispatcher,
  kPromotionReceiver,
  kGateway,
  kViewer,
  kOperator,
  kApprover,
  kAdmin,
};

inline constexpr std::array kAllRoles = {
    Role::kAgent,   Role::kPlanner, Role::kHookDispatcher, Role::kPromotionReceiver,
    Role::kGateway, Role::kViewer,  Role::kOperator,       Role::kApprover,
    Role::kAdmin,
};

// "agent", "hook-dispatcher"; as in URIs, config files and messages.
absl::string_view RoleName(Role role);
// nullopt: no such role. Case-sensitive.
std::optional<Role> ParseRole(absl::string_view name);
// "agent, planner, …, admin", for messages.
std::string RoleNames();

// Who a certificate proves its holder to be.
struct Identity {
  Role role;
  std::string name;  // of an agent: its host

  bool operator==(const Identity&) const = default;
};

inline constexpr size_t kMaxIdentityNameBytes = 200;

// INVALID_ARGUMENT: not a name of 1 to 200 letters, digits and characters of "-._~@+:=,!$&;". So it
// needs no escapes in a URI, is no wildcard, and can be printed.
absl::Status CheckIdentityName(absl::string_view name);

// Reads gitops://ROLE/NAME. There is one spelling for each identity: no other case, no escapes, no
// user, port, query, fragment or further path. INVALID_ARGUMENT: anything else.
absl::StatusOr<Identity> ParseIdentityUri(absl::string_view uri);
std::string IdentityUri(const Identity& identity);

// Reads ROLE/NAME, as people write it on a command line. INVALID_ARGUMENT: anything else.
absl::StatusOr<Identity> ParseIdentity(absl::string_view text);
// "agent/web1".
std::string IdentityText(const Identity& identity);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_IDENTITY_H_
