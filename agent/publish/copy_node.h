#ifndef GITOPS_AGENT_PUBLISH_COPY_NODE_H_
#define GITOPS_AGENT_PUBLISH_COPY_NODE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// What a node is called until it is whole. A crash may leave one; it is never taken for a file.
inline constexpr absl::string_view kUnfinishedPrefix = ".gitops-unfinished-";

// For tests; empty functions do nothing.
struct CarryHooks {
  // Instead of linkat(2): gives the open `file` a `name` in a directory. 0 or errno.
  std::function<int(int file, int directory, const std::string& name)> link;
  // Something was just made in `directory`, and has not got its owner and mode yet.
  std::function<void(int directory, const std::string& name)> made;
};

enum class Carried { kLinked, kCopied };

// Shows what is called `name` in the open directory `from` also in `to`, in place of a file there,
// whole or not at all. A regular file gets a second name (a hard link); only where that is
// impossible is it copied: content (shared where the file system can), owner, mode, extended
// attributes and times. Symlinks and FIFOs are made anew.
//
// Both directories may belong to an account that changes them meanwhile. So nothing is followed,
// and nothing is given an owner or a mode but what is open and was made here.
//
// NOT_FOUND: it is gone; ABORTED: what was made was replaced by another; UNIMPLEMENTED: a socket or
// device, which stays behind; RESOURCE_EXHAUSTED: disk full.
absl::StatusOr<Carried> CarryNode(int from, int to, const std::string& name,
                                  const CarryHooks& hooks = {});

// Makes the directory `name` in `to`, with the owner, mode and extended attributes of the open
// directory `like`. Returns it, to be read. ABORTED: it was replaced by another.
absl::StatusOr<Fd> MakeDirectoryLike(int like, int to, const std::string& name,
                                     const CarryHooks& hooks = {});

// Whether two open directories have the same owner, mode and extended attributes: what is safe in
// one is safe in the other. Without root, by which alone they can be made the same: permissions.
bool SameAccess(int a, int b);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_COPY_NODE_H_
