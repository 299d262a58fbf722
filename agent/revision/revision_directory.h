#ifndef GITOPS_AGENT_REVISION_REVISION_DIRECTORY_H_
#define GITOPS_AGENT_REVISION_REVISION_DIRECTORY_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"
#include "common/sync/mutex.h"

namespace gitops {

// Who may pass through <mount>/<service> and a revision's directory, which are root's (or the
// agent's own account's) in any case.
enum class StoreAccess {
  kMounts,    // nobody: revisions are seen through mounts only
  kSymlinks,  // everybody, once the revision is published: symlinks lead through them
};

// The directory of one service, <mount>/<service>, and the directories of revisions in it, opened
// anew for each use. Errors as RevisionStore has them. Thread-safe; copies share what they know.
class ServiceDirectory {
 public:
  ServiceDirectory(std::string path, StoreAccess access);

  const std::string& path() const { return path_; }
  std::string PathOf(absl::string_view name) const;

  // O_PATH. `create`: it is made if missing, and gets its mode. NOT_FOUND otherwise.
  absl::StatusOr<Fd> Open(bool create = false) const { return Walk(create, /*warn=*/false); }
  // The same with `create`; warns of a directory that cleaners empty.
  absl::StatusOr<Fd> Establish() const { return Walk(/*create=*/true, /*warn=*/true); }
  absl::StatusOr<std::vector<std::string>> Names(const Fd& root) const;
  // A directory in it that is root's or the agent's own; O_PATH.
  absl::StatusOr<Fd> OpenOwn(const Fd& root, const std::string& name) const;
  // `name` in OpenOwn's result.
  absl::StatusOr<bool> Has(const Fd& directory, const std::string& name) const;
  // Of a regular file that is root's or the agent's own; at most `limit` bytes of it.
  absl::StatusOr<std::string> ReadFile(const Fd& root, const std::string& name, size_t limit) const;

  // Everything that was written to the file system is on the disk afterwards.
  absl::Status Flush(const Fd& directory) const;
  // Notes that a revision's directory is on the disk.
  absl::Status MarkDurable(const Fd& root, const std::string& directory) const;

  absl::Status Failed(int error, absl::string_view what, absl::string_view name) const;

 private:
  absl::StatusOr<Fd> Walk(bool create, bool warn) const;
  absl::Status SetMode(const Fd& root) const;
  Fd OpenKnown() const;
  void NoteTrusted(const Fd& root) const;

  // The directory to which a walk found every directory on the way trusted.
  struct Trusted {
    Mutex mutex;
    dev_t device ABSL_GUARDED_BY(mutex) = 0;
    ino_t inode ABSL_GUARDED_BY(mutex) = 0;
    std::chrono::steady_clock::time_point at ABSL_GUARDED_BY(mutex);
  };

  const std::string path_;
  const mode_t mode_;
  const std::shared_ptr<Trusted> trusted_ = std::make_shared<Trusted>();
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_DIRECTORY_H_
