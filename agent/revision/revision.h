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

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/revision/revision_directory.h"
#include "common/path/fd.h"
#include "common/sync/mutex.h"

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

// A directory in which the service may have written, while another one was published instead, what
// is not carried over yet.
struct LeftBehind {
  std::string local;            // where it was shown
  std::string directory, link;  // and what of it
  int64_t since_ns = 0;         // not later than the first of that; Unix time, as files have it

  bool operator==(const LeftBehind&) const = default;
};

class RevisionWriter;  // agent/revision/revision_writer.h

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

  // Always makes a new directory. <mount>/<service> is made again if it was removed.
  absl::StatusOr<std::unique_ptr<RevisionWriter>> Write(const std::string& revision);

  // The newest directory of the revision that is ready: complete, and after an unclean end of the
  // host found to be as it was written. NOT_FOUND: none.
  absl::StatusOr<std::string> Newest(const std::string& revision) const;
  // All that are on the disk, ready or not, newest first.
  absl::StatusOr<std::vector<std::string>> Directories() const;
  // The revisions that are ready, newest first, each once. One that cannot be looked at is listed.
  std::vector<std::string> List() const;

  // The revision of a directory; empty: it is no name of one.
  static std::string RevisionOf(absl::string_view directory);
  const std::string& root() const { return service_.path(); }
  // Where the files of a directory are, relative to root(); whether or not it exists.
  static std::string TreeIn(absl::string_view directory);
  std::string TreePath(absl::string_view directory) const;
  // O_PATH. A directory that is not root's or the agent's own is FAILED_PRECONDITION.
  absl::StatusOr<Fd> OpenTree(const std::string& directory) const;
  // DATA_LOSS: it is damaged.
  absl::StatusOr<Manifest> ReadManifest(const std::string& directory) const;
  // An open directory (for reading) that only root can reach, on the same file system, for what is
  // made before it gets its place. Open empties it.
  absl::StatusOr<Fd> OpenStage();

  // Called before `directory` is shown to others. StoreAccess::kSymlinks: it is flushed to the
  // disk, and opened to those who follow the symlink.
  absl::Status Publishable(const std::string& directory);
  // The directory that was published last, kept through restarts: what the service made is in it.
  absl::Status NotePublished(const std::string& directory);
  absl::StatusOr<std::string> LastPublished() const;
  // Kept through restarts too, instead of what was noted before. These directories are not pruned.
  absl::Status NoteLeftBehind(const std::vector<LeftBehind>& all);
  absl::StatusOr<std::vector<LeftBehind>> WhatIsLeftBehind() const;

  // While the result exists, `directory` is not pruned. It may outlive the store.
  RevisionHold Hold(const std::string& directory);
  // Removes all directories except the newest of each of the `keep` newest revisions, the newest of
  // each revision that is `in_use`, those that are held, the one that was published last, what is
  // left behind, and those that are the root of a mount in this namespace. A failed removal is
  // tried again by the next call, and does not keep others from being removed. CANCELLED: by
  // `stop`, soon.
  absl::Status Prune(int keep, const std::set<std::string>& in_use,
                     const std::stop_token& stop = {});

 private:
  struct Known {
    int64_t sequence = 0;
    std::string directory;
    bool ready = false;

    bool operator<(const Known& other) const { return sequence > other.sequence; }  // newest first
  };
  struct Holds;

  RevisionStore(std::string root, StoreAccess access);
  absl::Status Load();
  absl::Status LoadDirectory(const Fd& root, const std::string& directory, int64_t sequence);
  absl::Status LoadFormer(const Fd& root, const std::string& revision);
  int64_t NextSequence();
  void NoteSequence(int64_t sequence);
  // By symlinks it is flushed before it is published.
  void FlushSoon(const std::string& directory) const;
  std::vector<Known> Snapshot() const;
  std::vector<std::string> Superfluous(const absl::StatusOr<Fd>& root, int keep,
                                       const std::set<std::string>& in_use) const;
  // Under the lock of the holds, so that what somebody holds from now on is gone for them.
  absl::Status MoveAway(const Fd& root, const std::string& directory,
                        std::vector<std::string>* remains);
  void Forget(const std::string& directory);

  const StoreAccess access_;
  const ServiceDirectory service_;
  const std::shared_ptr<Holds> holds_;
  mutable Mutex mutex_;
  std::vector<Known> known_ ABSL_GUARDED_BY(mutex_);  // newest first
  int64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_H_
