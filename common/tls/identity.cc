#include "common/tls/identity.h"

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr absl::string_view kScheme = "gitops://";
// The characters of a path that RFC 3986 allows without escapes, but for '*' (a wildcard), quotes
// and parentheses (how people and records set names off).
constexpr absl::string_view kOtherCharacters = "-._~@+:=,!$&;";

bool MayStandInName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         kOtherCharacters.find(c) != absl::string_view::npos;
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kAgent:
      return "agent";
    case Role::kPlanner:
      return "planner";
    case Role::kHookDispatcher:
      return "hook-dispatcher";
    case Role::kPromotionReceiver:
      return "promotion-receiver";
    case Role::kGateway:
      return "gateway";
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kApprover:
      return "approver";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

std::optional<Role> ParseRole(absl::string_view name) {
  for (const Role role : kAllRoles) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

std::string RoleNames() {
  return absl::StrJoin(kAllRoles, ", ",
                       [](std::string* out, Role role) { absl::StrAppend(out, RoleName(role)); });
}

absl::Status CheckIdentityName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("the name is empty");
  if (name.size() > kMaxIdentityNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the name has ", name.size(), " bytes; at most ",
                                                   kMaxIdentityNameBytes, " are allowed"));
  }
  if (!absl::c_all_of(name, MayStandInName)) {
    return absl::InvalidArgumentError(absl::StrCat("the name \"", EscapeText(name),
                                                   "\" may have letters, digits and ",
                                                   kOtherCharacters, " only"));
  }
  if (name == "." || name == "..") {
    return absl::InvalidArgumentError("the name is a path to a directory");
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> ParseIdentity(absl::string_view text) {
  const size_t slash = text.find('/');
  if (slash == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", EscapeText(text.substr(0, kMaxIdentityNameBytes)),
                     "\" is not of the form ROLE/NAME"));
  }
  const std::optional<Role> role = ParseRole(text.substr(0, slash));
  if (!role.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", EscapeText(text.substr(0, slash).substr(0, kMaxIdentityNameBytes)),
                     "\" is not a role; roles are ", RoleNames()));
  }
  const absl::string_view name = text.substr(slash + 1);
  if (absl::Status status = CheckIdentityName(name); !status.ok()) return status;
  return Identity{*role, std::string(name)};
}

absl::StatusOr<Identity> ParseIdentityUri(absl::string_view uri) {
  if (!absl::ConsumePrefix(&uri, kScheme)) {
    return absl::InvalidArgumentError(absl::StrCat("\"",
                                                   EscapeText(uri.substr(0, kMaxIdentityNameBytes)),
                                                   "\" is not of the form gitops://ROLE/NAME"));
  }
  return ParseIdentity(uri);
}

std::string IdentityText(const Identity& identity) {
  return absl::StrCat(RoleName(identity.role), "/", identity.name);
}

std::string IdentityUri(const Identity& identity) {
  return absl::StrCat(kScheme, IdentityText(identity));
}

}  // namespace gitops
