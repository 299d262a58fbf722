#ifndef GITOPS_AGENT_OPERATION_SECRET_FILE_H_
#define GITOPS_AGENT_OPERATION_SECRET_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "common/log/secret.h"

namespace gitops {

// Where and how a secret is put on this host.
struct SecretPlace {
  std::string destination;  // absolute, normalized
  // Names, or numbers.
  std::string owner_user;
  std::string owner_group;
  std::string permissions;  // octal
  bool make_directories = false;
};

// Writes the file so that it is there whole or not at all, and never readable for others than the
// place says, also for a moment; returns when it would survive a loss of power. Missing directories
// are made (0755, the agent's own) where `place` says so.
// Symbolic links of root or of the agent's own account are followed. FAILED_PRECONDITION: the way
// leads through one of somebody else, who could turn it elsewhere; a directory is missing; the
// destination is a directory or no plain file; no such owner or group. RESOURCE_EXHAUSTED: the disk
// is full. INVALID_ARGUMENT: the place itself. PERMISSION_DENIED, INTERNAL: as errno says. Messages
// name the destination, never the content.
absl::Status WriteSecretFile(const SecretPlace& place, const Secret& content);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_FILE_H_
