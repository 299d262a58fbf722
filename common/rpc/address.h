#ifndef GITOPS_COMMON_RPC_ADDRESS_H_
#define GITOPS_COMMON_RPC_ADDRESS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// An address to listen on or to connect to.
struct Address {
  std::string host;       // a name or a literal without brackets; empty: every interface
  int port = 0;           // 0 when listening: a free port
  std::string unix_path;  // a unix socket; host and port are then unused

  bool is_unix() const { return !unix_path.empty(); }
  // Every interface of this machine.
  bool is_wildcard() const;
  // A loopback literal, "localhost", or a unix socket: traffic does not leave this machine.
  bool is_local() const;
  // "HOST:PORT", "[IPV6]:PORT" or "unix:PATH"; ParseAddress parses it back.
  std::string ToString() const;
  // The address for clients on this machine: the wildcard becomes the loopback address.
  Address Dialable() const;

  bool operator==(const Address&) const = default;
};

// Parses "HOST:PORT", ":PORT", "[IPV6]:PORT" or "unix:PATH". Without `default_port` a missing port
// is an error. INVALID_ARGUMENT names the text and the expected form.
absl::StatusOr<Address> ParseAddress(absl::string_view text,
                                     std::optional<int> default_port = std::nullopt);

// Parses an address to connect to: it needs a host and a port. FAILED_PRECONDITION: it is on
// another machine, and traffic may not leave this one: it would be plain text that nobody allowed.
absl::StatusOr<Address> ParseDialled(absl::string_view text, std::optional<int> default_port,
                                     bool may_leave);

// Removes the unix socket at `path` if no process listens on it, so that it can be bound again. OK
// if the path does not exist. UNAVAILABLE: a process listens on it, or it is not a socket; nothing
// was removed.
absl::Status RemoveStaleSocket(const std::string& path);

// Whether this process may open the unix socket at `path`, and a process listens on it.
bool CanOpenSocket(const std::string& path);

// Why `address` cannot be bound, as text. Tries it, since gRPC does not report the reason.
std::string ExplainBindFailure(const Address& address);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_ADDRESS_H_
