#ifndef GITOPS_AGENT_REVISION_REVISION_ON_DISK_H_
#define GITOPS_AGENT_REVISION_REVISION_ON_DISK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/revision/revision.h"
#include "agent/revision/revision_directory.h"
#include "common/path/fd.h"

namespace gitops {

// One revision's directory, of either layout, in the service's directory that is open as `root`.
// Errors as RevisionStore has them.

// O_PATH.
absl::StatusOr<Fd> OpenTreeAt(const ServiceDirectory& service, const Fd& root,
                              const std::string& directory);
absl::StatusOr<Manifest> ReadManifestAt(const ServiceDirectory& service, const Fd& root,
                                        const std::string& directory);
// Whether its tree and manifest are there: OK or NOT_FOUND, or an error that says neither. `root`:
// the result of ServiceDirectory::Open.
absl::Status LookAt(const ServiceDirectory& service, const absl::StatusOr<Fd>& root,
                    const std::string& directory);

// For a directory that is not marked durable: whether it can be used.
enum class Written {
  kInThisBoot,  // what the kernel has is complete
  kVerified,    // compared with its hashes, and marked durable
  kNot,
};
absl::StatusOr<Written> VerifyAt(const ServiceDirectory& service, const Fd& root,
                                 const std::string& directory);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_ON_DISK_H_
