#ifndef GITOPS_AGENT_PUBLISH_COPY_NODE_H_
#define GITOPS_AGENT_PUBLISH_COPY_NODE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// The prefix of a node's name until it is complete. A crash may leave one; it never counts as a
// file.
inline constexpr absl::string_view kUnfinishedPrefix = ".gitops-unfinished-";

// For tests; empty functions do nothing.
struct CarryHooks {
  // Replaces linkat(2): gives the open `file` a `name` in a directory. Returns 0 or errno.
  std::function<int(int file, int directory, const std::string& name)> link;
  // Called when a node was created in `directory` and does not have its owner and mode yet.
  std::function<void(int directory, const std::string& name)> made;
};

enum class CarryResult { kLinked, kCopied };

// Carries over the node `name` from the open directory `from` to `to`, atomically replacing a file
// there. A regular file gets a second name (a hard link); if that is impossible, it is copied:
// content (shared if the file system can), owner, mode, extended attributes and times. Symlinks and
// FIFOs are created anew.
//
// Both directories may belong to an account that changes them meanwhile. So no symlink is followed,
// and only open nodes that were created here get an owner or a mode.
//
// NOT_FOUND: it no longer exists; ABORTED: the new node was replaced by another; UNIMPLEMENTED: a
// socket or device; RESOURCE_EXHAUSTED: disk full.
absl::StatusOr<CarryResult> CarryNode(int from, int to, const std::string& name,
                                      const CarryHooks& hooks = {});

// Creates the directory `name` in `to`, with the owner, mode and extended attributes of the open
// directory `like`. Returns it, opened for reading. ABORTED: it was replaced by another.
absl::StatusOr<Fd> MakeDirectoryLike(int like, int to, const std::string& name,
                                     const CarryHooks& hooks = {});

// Whether two open directories have the same owner, mode and extended attributes: a file is equally
// protected in both. Without root, which is needed to make them equal: the same permissions.
bool SameAccess(int a, int b);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_COPY_NODE_H_
