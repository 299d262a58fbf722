#ifndef GITOPS_AGENT_PUBLISH_CARRY_OVER_H_
#define GITOPS_AGENT_PUBLISH_CARRY_OVER_H_

#include <memory>
#include <set>
#include <stop_token>
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

// Carries over the untracked files (those that the service made itself) from the published
// directory to the next one.
//
// The rule: afterwards `to` has the same untracked files as `from`. So
// - untracked files that `to` has from an earlier publication are replaced by those of `from`, and
//   those that `from` does not have are removed: files that the service deleted stay deleted;
// - a path that the new revision tracks belongs to the repository: nothing is carried over to it,
//   and the log says so. A file that `from` tracks and `to` does not was deleted in the repository;
// - changed tracked files are drift, and not carried over;
// - a symlink into the revisions' own directory is not carried over: it was created by a
//   publication, or would lead to an old revision that is soon removed.
//
// A file that is carried over is the same file in both revisions (a hard link): a process that has
// it open continues to write to the published file, and nothing is copied, however large it is.
// After a return to the older revision, the service's files are in their current state, as in a
// checkout that is updated in place. The file is copied only if the file system refuses a link;
// writes after CopyChanged through a file that was opened before then stay in the old revision.
// Directories, symlinks and FIFOs are created anew; sockets and devices are left out, and the log
// says so.
//
// A service may make, rename and remove files while this runs: CopyAll is called before the
// exchange, CopyChanged after it. CopyChanged visits only directories that changed in between (and
// those with copies), and carries over what changed there, except files of the new revision to
// which the service has already written.
//
// Both directories may belong to the service's account, which changes them meanwhile, while this
// process is root: see copy_node.h. One directory of each is open at a time; memory is some 50
// bytes for each file and the name of each directory.
//
// Errors of both:
// - RESOURCE_EXHAUSTED: a limit; the message names it and the fullest directory. The limits are
//   those of the budget, 4,095 bytes of path, 128 levels, the number of hard links that a file can
//   have, and 5 % of the disk, which a copy leaves free.
// - ABORTED: `to` cannot be made ready: it has too much that must be removed first, or somebody
//   changes it meanwhile. Writing that revision anew, where nobody else can reach it, helps.
// - CANCELLED: `stop` was requested; this is looked at every 256 entries and 8 MiB.
// - Others by errno: an error of listing or opening is never taken for the end of a directory, and
//   no file is removed because of it.
class CarryOver {
 public:
  struct Request {
    Fd from, to;  // open directories, opened for reading
    // A directory on their file system that only this process's account can enter, and that nobody
    // else uses meanwhile.
    Fd stage;
    TrackedPaths tracked_from, tracked_to;
    std::vector<std::string> excluded;  // paths in both where other places are mounted or linked
    std::string revisions;              // the directory that holds the revisions; may be empty
    std::string local;                  // for the log
    std::shared_ptr<CarryBudget> budget = std::make_shared<CarryBudget>();
    std::stop_token stop = {};
    CarryHooks hooks = {};  // for tests
  };
  static std::unique_ptr<CarryOver> New(Request request);
  virtual ~CarryOver() = default;

  virtual absl::Status CopyAll() = 0;
  virtual absl::Status CopyChanged() = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_CARRY_OVER_H_
