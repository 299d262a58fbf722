#ifndef GITOPS_AGENT_REVISION_REVISION_H_
#define GITOPS_AGENT_REVISION_REVISION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// Ready revisions on disk. Each is a directory of its own, <root>/<revision>, written once and
// whole: it is made under another name and renamed when it is complete. Beside it lies its
// manifest, which says what was written, so that drift is seen without git.

// One file or symlink of a revision.
struct ManifestEntry {
  std::string path;   // relative to the revision's directory
  uint32_t mode = 0;  // as git has it: 0100644, 0100755, 0120000
  std::string oid;    // git's blob id, 40 or 64 hex digits
  int64_t size = 0;   // bytes
  // As lstat had it when it was written; equal now means unchanged.
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;

  bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
  std::string boot_id;  // of the boot in which it was written (/proc/sys/kernel/random/boot_id)
  // What it was made for, in its maker's words: a revision made for less is not ready for more.
  std::vector<std::string> covers;
  std::vector<ManifestEntry> entries;  // ordered by path
};

// The directory of one service: <mount>/<service>. Has and List may be called by any thread, the
// rest by one at a time.
class RevisionStore {
 public:
  // `root` is created (0755, root's or the agent's own) if missing; rests of an interrupted write
  // are removed. Errors as mkdir's.
  static absl::StatusOr<std::unique_ptr<RevisionStore>> Open(std::string root);
  virtual ~RevisionStore() = default;

  // A revision being written. Destroyed without Commit: removed.
  class Writer {
   public:
    virtual ~Writer() = default;
    // Where to write: an open directory, root's own until Commit.
    virtual int directory() const = 0;
    // Notes what was written; stat fields are filled in by Commit.
    virtual void Add(ManifestEntry entry) = 0;
    // Notes what the revision is made for; see Manifest::covers.
    virtual void Cover(std::vector<std::string> covers) = 0;
    // Gives all of it to uid and gid (-1: leave), makes it durable, and names it.
    virtual absl::Status Commit(int64_t uid, int64_t gid) = 0;
  };
  // Replaces a revision of that name only if `replace`; the old directory is moved aside, and
  // removed by a later Prune when it is no mount's root any more. ALREADY_EXISTS otherwise.
  virtual absl::StatusOr<std::unique_ptr<Writer>> Write(const std::string& revision,
                                                        bool replace = false) = 0;

  virtual bool Has(const std::string& revision) const = 0;
  virtual std::string Path(const std::string& revision) const = 0;  // whether or not it exists
  virtual absl::StatusOr<Manifest> ReadManifest(const std::string& revision) const = 0;
  // Newest first, by when they were committed.
  virtual std::vector<std::string> List() const = 0;
  // Removes all but the `keep` newest and those `in_use`; never one whose directory is the root of
  // a mount in this namespace.
  virtual absl::Status Prune(int keep, const std::set<std::string>& in_use) = 0;
};

// A tracked file that is not as the manifest has it, or a file the manifest does not have.
struct TreeDifference {
  enum class Kind { kModified, kDeleted, kUntracked } kind = Kind::kModified;
  std::string path;    // relative to the revision's directory
  std::string detail;  // "content", "mode 0755 instead of 0644", "is a directory"…

  bool operator==(const TreeDifference&) const = default;
};

// Compares what is below `directory` (a revision's directory) with its manifest. A file whose stat
// fields are as noted is taken for unchanged unless `read_all`; others are hashed. Follows no
// symlink, crosses no mount point.
absl::StatusOr<std::vector<TreeDifference>> CompareTree(const std::string& directory,
                                                        const Manifest& manifest,
                                                        bool with_untracked, bool read_all = false);

// git's id of a blob with this content: SHA-1, or SHA-256 where `oid_length` is 64.
class BlobHasher {
 public:
  virtual ~BlobHasher() = default;
  virtual void Update(absl::string_view data) = 0;
  virtual std::string Finish() = 0;  // lower-case hex
  static std::unique_ptr<BlobHasher> New(int64_t size, size_t oid_length);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_H_
