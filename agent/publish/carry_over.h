#ifndef GITOPS_AGENT_PUBLISH_CARRY_OVER_H_
#define GITOPS_AGENT_PUBLISH_CARRY_OVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/publish/carry_limits.h"
#include "agent/publish/carry_rules.h"
#include "agent/publish/copy_node.h"
#include "agent/publish/untracked.h"
#include "common/path/fd.h"

namespace gitops {

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
// which the service has already written. After an error it is called again, and goes on where it
// ended: what it did is not done twice, as the service may have removed it since.
//
// With `since_ns`, CopyChanged is called without CopyAll, and works from times instead of what the
// first pass saw. Then a file that `from` has since that time is carried over, unless `to` has the
// name, and that was written later; nothing is removed.
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
// - CANCELLED: a stop was requested; this is looked at every 256 entries and 8 MiB. That of the
//   request is for CopyAll only.
// - DATA_LOSS: one of the directories was removed meanwhile.
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
    std::string local;                  // for the log and messages
    // Of `from`; for the log, which says where a file is that stays there.
    std::string from_path = {};
    // Of a second pass without the first one, which was made by a process that has ended, or to
    // another directory, and began at this time (Unix, as files have it).
    std::optional<int64_t> since_ns = {};
    std::shared_ptr<CarryBudget> budget = std::make_shared<CarryBudget>();
    std::stop_token stop = {};
    CarryHooks hooks = {};  // for tests
  };
  explicit CarryOver(Request request);

  absl::Status CopyAll();
  absl::Status CopyChanged(std::stop_token stop = {});

 private:
  // The pair of directories that is being visited.
  struct Pair {
    uint32_t index;  // in carried_
    std::string path;
    Fd from, to;           // `to` is not open if it does not exist, and is made for the first entry
    bool blocked = false;  // `to` protects its files in another way, which the service chose
    bool changed = false;  // `from`, in the time since Request::since_ns
  };

  // What is said and counted, and the first pass: carry_over.cc
  void Say(absl::string_view message, const std::string& path);
  absl::Status Named(const absl::Status& status);
  void FindFullest();
  absl::Status About(const absl::Status& status, const std::string& path) const;
  absl::Status VisitRest();
  absl::Status Once(const std::string& name, absl::FunctionRef<absl::Status()> visit);
  absl::StatusOr<Fd> OpenRoot(int root) const;
  absl::StatusOr<Pair> Open(uint32_t index);
  absl::Status Visit(uint32_t index);
  absl::Status VisitEntry(Pair& pair, const std::string& name);
  absl::StatusOr<bool> IsLate(const Pair& pair, const std::string& name, const Stamp& stamp) const;
  absl::Status CarryFile(Pair& pair, const std::string& name, const std::string& path,
                         const Stamp& stamp, bool replace);
  absl::Status Judge(const absl::Status& status, const std::string& path);

  // The directories of the next revision: carry_next.cc
  absl::Status EnterIfNeeded(Pair& pair);
  absl::StatusOr<Fd> Enter(uint32_t index, const std::string& path);
  absl::StatusOr<Fd> EnterOrMake(int from, int parent, uint32_t index, const std::string& path);
  absl::Status RemoveFromNext(int parent, const std::string& name, const std::string& path);
  absl::Status RemoveStale(const Pair& pair);
  absl::Status SetTimes();
  void RemoveEmpty(uint32_t index);

  // The second pass: carry_changed.cc
  absl::Status VisitIfChanged(uint32_t index);
  absl::Status VisitChanged(Pair& pair);
  absl::Status CarryAgain(Pair& pair, const std::string& name, const CarriedFile& before);
  absl::StatusOr<bool> MayReplace(const Pair& pair, const std::string& name,
                                  const std::string& path, const CarriedFile& before);
  absl::Status RemoveGone(Pair& pair, const Untracked::ByName& carried,
                          const absl::flat_hash_set<uint64_t>& present);
  absl::Status RemoveCarried(uint32_t index);

  Request request_;
  const CarryRules rules_;
  CarryLimits limits_;
  NodeCarrier carrier_;
  Untracked carried_;
  uint32_t next_ = 0;                      // of carried_.directories
  absl::flat_hash_set<uint64_t> settled_;  // in the second pass: names in `next_` that are done
  bool published_ = false;                 // whether `to` is published
  uint32_t known_ = 0;                     // then: how many directories the first pass found
  int64_t removals_ = 0;                   // entries of `to` that may still be removed
  int said_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_CARRY_OVER_H_
