#ifndef GITOPS_AGENT_REVISION_REVISION_H_
#define GITOPS_AGENT_REVISION_REVISION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// Prepared revisions on disk. A service's directory, <mount>/<service>, has one directory
// "<revision>-<number>" for each time that a revision was written, with
//   manifest   what was written, so that drift is detected without git
//   durable    exists once all of it is known to be on the disk
//   tree/      the files, which belong to the service's user
// Nothing is rewritten under its own name: a revision that is written again gets a directory of its
// own. "Directory" below means such a name, "revision" the commit.
//
// The former layout, "<revision>/" with "<revision>.manifest" beside it, is still read and removed,
// and never written.

// One file or symlink of a revision.
struct ManifestEntry {
  std::string path;   // relative to the revision's directory
  uint32_t mode = 0;  // the mode in git: 0100644, 0100755, 0120000
  std::string oid;    // git's blob id, 40 or 64 hex digits
  int64_t size = 0;   // bytes
  // From lstat when it was written; equal values mean that the file is unchanged.
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;

  bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
  std::string boot_id;  // the boot in which it was written (/proc/sys/kernel/random/boot_id)
  // What the revision covers, in terms of its writer: a revision that covers less is not prepared
  // for more.
  std::vector<std::string> covers;
  std::vector<ManifestEntry> entries;  // ordered by path
};

// Who may pass through <mount>/<service> and a revision's directory, which are root's (or the
// agent's own account's) in any case.
enum class StoreAccess {
  kMounts,    // nobody: revisions are seen through mounts only
  kSymlinks,  // everybody, once the revision is published: symlinks lead through them
};

// Keeps a directory from being pruned while it exists.
using RevisionHold = std::shared_ptr<void>;

// The revisions of one service. Thread-safe. Keeps no descriptor open. Errors have the path and the
// code by errno. NOT_FOUND is only what is known not to exist: what cannot be looked at (EMFILE,
// EIO, EACCES…) is another error, and nothing is removed because of it.
class RevisionStore {
 public:
  // `root` is <mount>/<service>, made if missing. Remains of an interrupted write are removed.
  // FAILED_PRECONDITION: it, or a directory above it, belongs to somebody else or can be written to
  // by others.
  static absl::StatusOr<std::unique_ptr<RevisionStore>> Open(
      std::string root, StoreAccess access = StoreAccess::kMounts);
  virtual ~RevisionStore() = default;

  // A revision being written, which only root can reach. Destroyed without Finish: removed. Not
  // thread-safe.
  class Writer {
   public:
    virtual ~Writer() = default;
    // The open directory to write to (`tree`), owned by root until Finish.
    virtual int directory() const = 0;
    // Adds an entry that was written; Finish fills in the stat fields.
    virtual void Add(ManifestEntry entry) = 0;
    // Sets what the revision covers; see Manifest::covers.
    virtual void Cover(std::vector<std::string> covers) = 0;
    // Changes the owner to uid and gid (-1: unchanged) and gives it its name. It is ready, and
    // flushed to the disk afterwards (StoreAccess::kMounts), or by Publishable.
    virtual absl::Status Finish(int64_t uid, int64_t gid) = 0;
    // The directory that Finish made.
    virtual const std::string& name() const = 0;
  };
  // Always makes a new directory. <mount>/<service> is made again if it was removed.
  virtual absl::StatusOr<std::unique_ptr<Writer>> Write(const std::string& revision) = 0;

  // The newest directory of the revision that is ready: complete, and after an unclean end of the
  // host found to be as it was written. NOT_FOUND: none.
  virtual absl::StatusOr<std::string> Newest(const std::string& revision) const = 0;
  // All that are on the disk, ready or not, newest first.
  virtual absl::StatusOr<std::vector<std::string>> Directories() const = 0;
  // The revisions that are ready, newest first, each once. One that cannot be looked at is listed.
  virtual std::vector<std::string> List() const = 0;

  // The revision of a directory; empty: it is no name of one.
  static std::string RevisionOf(absl::string_view directory);
  const std::string& root() const { return root_; }
  // Where the files of a directory are, relative to root(); whether or not it exists.
  static std::string TreeIn(absl::string_view directory);
  std::string TreePath(absl::string_view directory) const;
  // O_PATH. A directory that is not root's or the agent's own is FAILED_PRECONDITION.
  virtual absl::StatusOr<Fd> OpenTree(const std::string& directory) const = 0;
  // DATA_LOSS: it is damaged.
  virtual absl::StatusOr<Manifest> ReadManifest(const std::string& directory) const = 0;
  // An open directory (for reading) that only root can reach, on the same file system, for what is
  // made before it gets its place. Open empties it.
  virtual absl::StatusOr<Fd> OpenStage() = 0;

  // Called before `directory` is shown to others. StoreAccess::kSymlinks: it is flushed to the
  // disk, and opened to those who follow the symlink.
  virtual absl::Status Publishable(const std::string& directory) = 0;
  // The directory that was published last, kept through restarts: what the service made is in it.
  virtual absl::Status NotePublished(const std::string& directory) = 0;
  virtual absl::StatusOr<std::string> LastPublished() const = 0;

  // While the result exists, `directory` is not pruned. It may outlive the store.
  virtual RevisionHold Hold(const std::string& directory) = 0;
  // Removes all directories except the newest of each of the `keep` newest revisions, the newest of
  // each revision that is `in_use`, those that are held, the one that was published last, and those
  // that are the root of a mount in this namespace. A failed removal is tried again by the next
  // call, and does not keep others from being removed.
  // CANCELLED: by `stop`, soon.
  virtual absl::Status Prune(int keep, const std::set<std::string>& in_use,
                             const std::stop_token& stop = {}) = 0;

 protected:
  explicit RevisionStore(std::string root) : root_(std::move(root)) {}

 private:
  const std::string root_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_H_
