#include "common/rpc/principal.h"

#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace gitops {
namespace {

constexpr size_t kMaxName = 100;
constexpr size_t kMaxAddress = 60;
constexpr size_t kMaxOnBehalfOf = 76;
// Limited, like on_behalf_of, so that the text of both stays within 200 bytes.
constexpr size_t kMaxServerName = 15;
constexpr size_t kMaxAccount = 32;

// Without parentheses, so that a claimed name cannot imitate what PrincipalText() adds.
std::string Sanitized(absl::string_view text, size_t max) {
  std::string result;
  for (const char c : text) {
    if (result.size() == max) break;
    if (absl::ascii_isprint(c) && c != '(' && c != ')') result += c;
  }
  absl::RemoveExtraAsciiWhitespace(&result);
  return result;
}

std::string AddressOf(absl::string_view peer) {
  if (absl::StartsWith(peer, "unix")) return "unix";
  const std::string host = absl::StrReplaceAll(peer.substr(0, peer.rfind(':')),
                                               {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}});
  return Sanitized(host, kMaxAddress);
}

}  // namespace

std::string PrincipalText(const Principal& principal) {
  const std::string role = principal.on_behalf_of_role.has_value()
                               ? absl::StrCat(" (", RoleName(*principal.on_behalf_of_role), ")")
                               : "";
  const std::string who =
      principal.on_behalf_of.empty()
          ? principal.name
          : absl::StrCat(principal.on_behalf_of, role, " through ", principal.name);
  if (principal.uid.has_value()) {
    return principal.uid == 0 ? who : absl::StrCat(who, " (uid ", *principal.uid, ")");
  }
  const bool proven = principal.authentication == Principal::Authentication::kTls;
  return absl::StrCat(who, " (", principal.address, proven ? "" : ", not authenticated", ")");
}

bool MaySeeContent(const Principal& principal) { return principal.role != Role::kViewer; }

std::string PrincipalKey(const Principal& principal) {
  // Names contain no parentheses, so the parts stay distinct.
  return absl::StrCat(static_cast<int>(principal.kind), "(",
                      static_cast<int>(principal.authentication), ")", principal.name, "(",
                      principal.on_behalf_of, ")",
                      principal.uid.has_value() ? absl::StrCat("uid ", *principal.uid) : "");
}

std::string PersonOf(const Principal& principal, bool& cut) {
  cut = principal.on_behalf_of.size() >= kMaxOnBehalfOf;
  return principal.on_behalf_of.substr(0, principal.on_behalf_of.find(" from "));
}

std::string OnBehalfOfText(const Principal& principal) {
  const std::string origin =
      principal.address == "unix" ? "" : absl::StrCat(" from ", principal.address);
  // The end has the address, so the name is cut.
  return absl::StrCat(Sanitized(principal.name, kMaxOnBehalfOf - origin.size()), origin);
}

Principal MakePrincipal(absl::string_view user, absl::string_view on_behalf_of,
                        absl::string_view peer) {
  Principal principal;
  principal.on_behalf_of = Sanitized(on_behalf_of, kMaxOnBehalfOf);
  const bool server = !principal.on_behalf_of.empty();
  if (server) principal.kind = Principal::Kind::kServer;
  std::string name = Sanitized(user, server ? kMaxServerName : kMaxName);
  if (!name.empty()) principal.name = std::move(name);
  principal.address = AddressOf(peer);
  if (principal.address == "unix") {
    principal.authentication = Principal::Authentication::kUnixSocket;
  }
  return principal;
}

Principal LocalPrincipal(absl::string_view user, absl::string_view on_behalf_of, uint32_t uid,
                         absl::string_view account) {
  Principal principal = MakePrincipal(user, on_behalf_of, "unix:");
  principal.uid = uid;
  principal.account = std::string(account);
  std::string name = Sanitized(account, kMaxAccount);
  if (name.empty()) name = "unnamed";
  principal.name =
      principal.on_behalf_of.empty() ? std::move(name) : absl::StrCat(principal.name, " as ", name);
  return principal;
}

Principal ProvenPrincipal(const Identity& identity, absl::string_view on_behalf_of,
                          absl::string_view peer) {
  Principal principal;
  if (identity.role == Role::kAgent) {
    principal.kind = Principal::Kind::kAgent;
  } else if (identity.role < Role::kViewer) {
    principal.kind = Principal::Kind::kServer;
  }
  principal.name = identity.name;
  principal.authentication = Principal::Authentication::kTls;
  principal.address = AddressOf(peer);
  principal.on_behalf_of = Sanitized(on_behalf_of, kMaxOnBehalfOf);
  principal.role = identity.role;
  return principal;
}

}  // namespace gitops
