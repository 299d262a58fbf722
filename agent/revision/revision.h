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

// Prepared revisions on disk. Each is a directory, <root>/<revision>, that is written once: it is
// created under another name and renamed when it is complete. Its manifest beside it lists what was
// written, so that drift is detected without git.

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

// The directory of one service: <mount>/<service>. Has and List are thread-safe, other methods are
// not.
class RevisionStore {
 public:
  // `root` is created (0755, root's or the agent's own) if missing; remains of an interrupted write
  // are removed. Errors are those of mkdir(2).
  static absl::StatusOr<std::unique_ptr<RevisionStore>> Open(std::string root);
  virtual ~RevisionStore() = default;

  // A revision being written. Destroyed without Finish: removed.
  class Writer {
   public:
    virtual ~Writer() = default;
    // The open directory to write to, owned by root until Finish.
    virtual int directory() const = 0;
    // Adds an entry that was written; Finish fills in the stat fields.
    virtual void Add(ManifestEntry entry) = 0;
    // Sets what the revision covers; see Manifest::covers.
    virtual void Cover(std::vector<std::string> covers) = 0;
    // Changes the owner to uid and gid (-1: unchanged), makes the revision durable, and gives it
    // its name.
    virtual absl::Status Finish(int64_t uid, int64_t gid) = 0;
  };
  // Replaces a revision of that name only if `replace` is set; the old directory is moved aside,
  // and a later Prune removes it when no mount uses it any more. ALREADY_EXISTS otherwise.
  virtual absl::StatusOr<std::unique_ptr<Writer>> Write(const std::string& revision,
                                                        bool replace = false) = 0;

  virtual bool Has(const std::string& revision) const = 0;
  virtual std::string Path(const std::string& revision) const = 0;  // whether or not it exists
  virtual absl::StatusOr<Manifest> ReadManifest(const std::string& revision) const = 0;
  // Newest first, by the time of Finish.
  virtual std::vector<std::string> List() const = 0;
  // Removes all except the `keep` newest and those `in_use`; never one whose directory is the root
  // of a mount in this namespace.
  virtual absl::Status Prune(int keep, const std::set<std::string>& in_use) = 0;
};

// git's id of a blob with this content: SHA-1, or SHA-256 if `oid_length` is 64.
class BlobHasher {
 public:
  virtual ~BlobHasher() = default;
  virtual void Update(absl::string_view data) = 0;
  virtual std::string Finish() = 0;  // lower-case hex
  static std::unique_ptr<BlobHasher> New(int64_t size, size_t oid_length);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_H_
