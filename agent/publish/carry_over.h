#ifndef GITOPS_AGENT_PUBLISH_CARRY_OVER_H_
#define GITOPS_AGENT_PUBLISH_CARRY_OVER_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/publish/copy_node.h"
#include "agent/revision/revision.h"
#include "common/path/fd.h"

namespace gitops {

// The tracked files below one `link` of a revision, and the directories that hold them, relative
// to it.
struct TrackedPaths {
  std::set<std::string> files;
  std::set<std::string> directories;

  static TrackedPaths Of(const Manifest& manifest, absl::string_view link);
};

// Takes the files that a service made itself (untracked ones) from the directory that is published
// to the one that will be.
//
// The rule: afterwards the untracked files of `to` are those of `from`, as they are in `from`. So
// - untracked files that `to` still has from an earlier publication are replaced by those of
//   `from`, and those that `from` no longer has are removed: what the service deleted stays
//   deleted;
// - a path that the new revision tracks is the repository's: nothing is carried to it, and the log
//   says so. A file that `from` tracks and `to` does not is the repository's deletion, and gone;
// - changed tracked files are drift, and not carried;
// - a symlink into the revisions' own directory is not carried: it was made to publish, or would
//   lead to an old revision, and soon to nothing.
//
// A carried file is one and the same file in both revisions (a hard link): who has it open goes on
// writing to what the new revision shows, and nothing is copied, however large it is. So going back
// to the older revision shows the service's files as they are now, as in a checkout that is updated
// in place. Only where the file system refuses a link is the file copied; then what a process
// writes after CopyChanged through a file that it opened before stays in the old revision.
// Directories and symlinks, which nobody writes through, are made anew, and FIFOs are too; sockets
// and devices stay behind, and the log says so.
//
// A service may make, rename and remove files while this runs: CopyAll is called before the
// exchange, CopyChanged after it. The second takes over what changed in between, except where the
// service has already written to the new revision's file.
//
// Both directories may belong to the service's account, and this process be root: see copy_node.h.
class CarryOver {
 public:
  struct Request {
    Fd from, to;  // open directories, to be read
    TrackedPaths tracked_from, tracked_to;
    std::vector<std::string> excluded;  // below both: where other places are mounted or linked
    std::string revisions;              // the directory that holds the revisions; may be empty
    std::string local;                  // for the log
    CarryHooks hooks = {};              // for tests
  };
  static std::unique_ptr<CarryOver> New(Request request);
  virtual ~CarryOver() = default;

  virtual absl::Status CopyAll() = 0;
  virtual absl::Status CopyChanged() = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_CARRY_OVER_H_
