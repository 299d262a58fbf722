#ifndef GITOPS_AGENT_PUBLISH_COPY_NODE_H_
#define GITOPS_AGENT_PUBLISH_COPY_NODE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What a copy is called until it is whole. A crash may leave one; it is never taken for a file.
inline constexpr absl::string_view kUnfinishedPrefix = ".gitops-unfinished-";

// Copies the file, symlink or FIFO `name` from one open directory to another, in place of a file
// there, so that it is seen whole or not at all: content (shared with the original where the file
// system can), owner, mode, extended attributes and times. Follows no symlink. NOT_FOUND: it is
// gone; UNIMPLEMENTED: a socket or device, which cannot be copied; RESOURCE_EXHAUSTED: disk full.
absl::Status CopyNode(int from, int to, const std::string& name);

// Gives the directory `name` in `to` the owner, mode, extended attributes and times it has in
// `from`.
absl::Status CopyDirectoryMetadata(int from, int to, const std::string& name);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_COPY_NODE_H_
