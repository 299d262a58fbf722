#ifndef GITOPS_AGENT_PUBLISH_COPY_NODE_H_
#define GITOPS_AGENT_PUBLISH_COPY_NODE_H_

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/publish/carry_limits.h"
#include "common/path/fd.h"

namespace gitops {

// The prefix of nodes that former versions left in published directories after a crash; they never
// count as files.
inline constexpr absl::string_view kUnfinishedPrefix = ".gitops-unfinished-";

// For tests; empty functions do nothing.
struct CarryHooks {
  // Replaces linkat(2): gives the open `file` a `name` in a directory. Returns 0 or errno.
  std::function<int(int file, int directory, const std::string& name)> link;
  // Called before the finished node gets its `name` in the directory: what others may do then.
  std::function<void(int directory, const std::string& name)> placing;
};

enum class CarryResult { kLinked, kCopied };

// Carries over single nodes from one open directory to another, both of which may belong to an
// account that changes them meanwhile. So no symlink or mount point is followed, and what is made
// gets its content, owner, mode, extended attributes and times in the stage, a directory that only
// this process's account can enter, before it is renamed to where others can reach it.
class NodeCarrier {
 public:
  // `stage`: an open directory on the file system of the others, used by nobody else meanwhile.
  // `budget` must outlive this.
  NodeCarrier(Fd stage, CarryBudget* budget, std::stop_token stop, CarryHooks hooks);
  ~NodeCarrier();  // empties the stage

  // What asks to stop from now on.
  void StopBy(std::stop_token stop) { stop_ = std::move(stop); }
  // Removes what an interrupted process left in the stage.
  absl::Status EmptyStage();

  // Carries over the node `name`. A regular file gets a second name (a hard link); if the file
  // system refuses that, it is copied: once for each inode, shared where the file system can, and
  // with its holes. Symlinks and FIFOs are created anew. `replace`: atomically replaces another
  // node that has the name in `to`, except a directory.
  //
  // NOT_FOUND: it no longer exists, or `to` does not; ALREADY_EXISTS: the name is in use;
  // UNIMPLEMENTED: a socket, a device or a mount point; RESOURCE_EXHAUSTED: the file has as many
  // names as it can have, the byte budget is used up, or the disk would be more than 95 % full;
  // CANCELLED.
  absl::StatusOr<CarryResult> Carry(int from, int to, const std::string& name, bool replace);

  // Creates the directory `name` in `to`, with the owner, mode and extended attributes of the open
  // directory `like`. Returns it, opened for reading. ALREADY_EXISTS: the name is in use.
  absl::StatusOr<Fd> MakeDirectoryLike(int like, int to, const std::string& name);

 private:
  struct Node;

  absl::StatusOr<CarryResult> CarryRegular(const Node& node, int to, bool replace);
  int Link(int file, int directory, const std::string& name) const;
  absl::Status Copy(const Node& node);
  absl::Status CopyContent(const Node& node, int source, int copy);
  absl::Status CopyRange(const Node& node, int source, int copy, off_t from, off_t end);
  absl::Status Charge(int64_t bytes, const std::string& name);
  absl::Status CheckRoom(int64_t bytes, int file, const std::string& name) const;
  absl::Status SetAccess(const Node& node, int from, int made);
  absl::Status MakeSpecial(const Node& node) const;  // a symlink or FIFO
  absl::Status Place(int to, const std::string& name, bool replace) const;

  const Fd stage_;
  CarryBudget* const budget_;
  std::stop_token stop_;
  const CarryHooks hooks_;
};

// Whether two open directories have the same owner, mode and extended attributes: a file is equally
// protected in both. Without root, which is needed to make them equal: the same permissions.
bool SameAccess(int a, int b);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_COPY_NODE_H_
