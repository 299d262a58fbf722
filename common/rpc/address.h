#ifndef GITOPS_COMMON_RPC_ADDRESS_H_
#define GITOPS_COMMON_RPC_ADDRESS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Where something listens or is dialled.
struct Address {
  std::string host;       // a name or a literal without brackets; empty: every interface
  int port = 0;           // 0 when listening: one that is free
  std::string unix_path;  // a unix socket, and then host and port mean nothing

  bool is_unix() const { return !unix_path.empty(); }
  // Every interface of this machine.
  bool is_wildcard() const;
  // A loopback literal, "localhost", or a unix socket: nobody else's machine can see what is said.
  bool is_local() const;
  // "HOST:PORT", "[IPV6]:PORT" or "unix:PATH"; ParseAddress reads it back.
  std::string ToString() const;
  // As a program on this machine dials it: the wildcard becomes the loopback address.
  Address Dialable() const;

  bool operator==(const Address&) const = default;
};

// Reads "HOST:PORT", ":PORT", "[IPV6]:PORT" or "unix:PATH". Without `default_port` a missing port
// is an error. INVALID_ARGUMENT says what was read and how it should look.
absl::StatusOr<Address> ParseAddress(absl::string_view text,
                                     std::optional<int> default_port = std::nullopt);

// Removes the unix socket at `path` if nobody listens on it, so that it can be bound again; a path
// where nothing is, is fine. UNAVAILABLE: somebody listens, or something else than a socket is
// there; nothing was removed.
absl::Status RemoveStaleSocket(const std::string& path);

// Why `address` cannot be bound, in words, found by trying: gRPC does not tell.
std::string ExplainBindFailure(const Address& address);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_ADDRESS_H_
