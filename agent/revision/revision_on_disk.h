#ifndef GITOPS_AGENT_REVISION_REVISION_ON_DISK_H_
#define GITOPS_AGENT_REVISION_REVISION_ON_DISK_H_

#include <string>
#include <vector>

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

// See RevisionStore::Publishable, of StoreAccess::kSymlinks.
absl::Status MakePassable(const ServiceDirectory& service, const Fd& root,
                          const std::string& directory);
// The directory that was noted as published. NOT_FOUND: none was.
absl::StatusOr<std::string> PublishedAt(const ServiceDirectory& service, const Fd& root);
// `draft`: a name that nothing has.
absl::Status NotePublishedAt(const ServiceDirectory& service, const Fd& root,
                             const std::string& directory, const std::string& draft);

// See RevisionStore::NoteLeftBehind. `draft`: as above.
absl::Status NoteLeftBehindAt(const ServiceDirectory& service, const Fd& root,
                              const std::vector<LeftBehind>& all, const std::string& draft);
absl::StatusOr<std::vector<LeftBehind>> LeftBehindAt(const ServiceDirectory& service,
                                                     const Fd& root);

// What an interrupted removal, or a replacement of the former layout, left.
absl::StatusOr<std::vector<std::string>> RemainsAt(const ServiceDirectory& service, const Fd& root);
// Of an interrupted write: they are root's only, and never complete. What stays because of an error
// needs space, no more.
void RemoveRemains(const ServiceDirectory& service, const Fd& root, const std::string& name);

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
