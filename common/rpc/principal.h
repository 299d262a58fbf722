#ifndef GITOPS_COMMON_RPC_PRINCIPAL_H_
#define GITOPS_COMMON_RPC_PRINCIPAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/tls/identity.h"

namespace gitops {

// The caller of an RPC. Servers get it from their gate (gate.h) and never read it from the call.
struct Principal {
  enum class Kind { kUser, kAgent, kServer };
  // How the caller was authenticated: a client certificate (gitops://KIND/NAME) proves `name`; for
  // a connection over the unix socket the kernel says `uid`.
  enum class Authentication { kNone, kUnixSocket, kTls };

  Kind kind = Kind::kUser;
  // Printable ASCII without parentheses, never empty; only a claim unless a certificate proves it,
  // or there is a `uid`: then the name of that account, after "SERVER as " if a server calls.
  std::string name = "unnamed";
  Authentication authentication = Authentication::kNone;
  // The caller's address without the port: "ipv4:127.0.0.1", "ipv6:::1"; "unix".
  std::string address;
  // The person for whom a server makes the call, as that server describes them; empty: for itself.
  std::string on_behalf_of;
  // The role of that person, if a gateway named it.
  std::optional<Role> on_behalf_of_role = std::nullopt;
  // The account at the other end of the unix socket.
  std::optional<uint32_t> uid = std::nullopt;
  // Its name, empty if it has none, and its groups on this host. No part of records.
  std::string account = {};
  std::vector<uint32_t> groups = {};
  // What the call may do, as the gate decided it (authenticator.h): that of a person for whom a
  // gateway calls, not the gateway's. No part of records. nullopt: not passed a gate.
  std::optional<Role> role = std::nullopt;

  bool operator==(const Principal&) const = default;
};

// For people and records: "root", "alice (uid 1000)", "alice@laptop (ipv4:127.0.0.1, not
// authenticated)", "alice@laptop through the planner as root". At most 200 bytes.
std::string PrincipalText(const Principal& principal);

// Whether the caller may see the content of files in differences. Viewers see which differ.
bool MaySeeContent(const Principal& principal);

// Equal for calls of the same principal: kind, name, authentication and on_behalf_of. Without the
// address, which may change between a call and its repeat.
std::string PrincipalKey(const Principal& principal);

// The name of the person for whom a server makes the call, without their address; empty: for
// itself. Cut if it does not fit: `cut` is set then.
std::string PersonOf(const Principal& principal, bool& cut);

// What a server sends as `on_behalf_of` when it calls another server for this principal:
// "alice@laptop from ipv4:192.0.2.7", without the address if it is a unix socket. At most 76 bytes.
std::string OnBehalfOfText(const Principal& principal);

// The principal that a client certificate proves, and the person for whom it calls. Its kind
// follows from its role.
Principal ProvenPrincipal(const Identity& identity, absl::string_view on_behalf_of,
                          absl::string_view peer);

// The principal from its parts: the client's claims, and gRPC's name of the peer
// ("ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711", "unix:…"). For the gate and tests.
Principal MakePrincipal(absl::string_view user, absl::string_view on_behalf_of,
                        absl::string_view peer);

// The same for a caller over the unix socket whose account is known; `account` may be empty.
Principal LocalPrincipal(absl::string_view user, absl::string_view on_behalf_of, uint32_t uid,
                         absl::string_view account);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PRINCIPAL_H_
