#ifndef GITOPS_AGENT_OPERATION_SECRET_FILE_H_
#define GITOPS_AGENT_OPERATION_SECRET_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/log/secret.h"

namespace gitops {

// More than a request can bring.
inline constexpr size_t kLongestSecretFile = 4 << 20;

// Where and how a secret is put on this host.
struct SecretPlace {
  std::string destination;  // absolute, normalized
  // Names, or where there is none of it, numbers.
  std::string owner_user;
  std::string owner_group;
  std::string permissions;  // octal
  bool make_directories = false;
};

// Writes the file so that it is there whole or not at all, and never readable for others than the
// place says, also for a moment; returns when it would survive a loss of power. Missing directories
// are made (0755, the agent's own) where `place` says so.
// Symbolic links of root or of the agent's own account are followed. FAILED_PRECONDITION: the way
// leads through one of somebody else, who could turn it elsewhere; the destination is a directory
// or no plain file; no such owner or group. UNAVAILABLE: who they are cannot be looked up.
// NOT_FOUND: a directory is missing. RESOURCE_EXHAUSTED: the disk is full. INVALID_ARGUMENT: the
// place itself. PERMISSION_DENIED, INTERNAL: as errno says. Messages name the destination, never
// the content.
absl::Status WriteSecretFile(const SecretPlace& place, const Secret& content);

// What lies at `destination`, gone to in the same way. NOT_FOUND: nothing does. FAILED_PRECONDITION
// also: it is no plain file, or longer than kLongestSecretFile. Never waits for a peer.
absl::StatusOr<Secret> ReadSecretFile(const std::string& destination);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_FILE_H_
