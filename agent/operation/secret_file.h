#ifndef GITOPS_AGENT_OPERATION_SECRET_FILE_H_
#define GITOPS_AGENT_OPERATION_SECRET_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log/secret.h"

namespace gitops {

// More than the limit of a request.
inline constexpr size_t kMaxSecretFile = 4 << 20;

// The destination of a secret on this host.
struct SecretPlace {
  std::string destination;  // absolute, normalized
  // Names, or numbers if there is no such name.
  std::string owner_user;
  std::string owner_group;
  std::string permissions;  // octal
  bool make_directories = false;
};

// Writes the file atomically, with its final permissions from the start; returns when it is
// durable. Creates missing directories (0755, owned by the agent) if `place` says so. Follows
// symbolic links of root and of the agent's account. FAILED_PRECONDITION: the path has a symbolic
// link of another account, which could redirect it; the destination is a directory or not a regular
// file; no such owner or group. UNAVAILABLE: owner or group cannot be looked up. NOT_FOUND: a
// directory is missing. RESOURCE_EXHAUSTED: the disk is full. INVALID_ARGUMENT: `place` is invalid.
// PERMISSION_DENIED, INTERNAL: by errno. Messages name the destination, never the content.
absl::Status WriteSecretFile(const SecretPlace& place, const Secret& content);

// Reads the file at `destination`, opened in the same way. NOT_FOUND: there is none.
// FAILED_PRECONDITION also: it is not a regular file, or longer than kMaxSecretFile. Never
// blocks on a FIFO.
absl::StatusOr<Secret> ReadSecretFile(const std::string& destination);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_FILE_H_
