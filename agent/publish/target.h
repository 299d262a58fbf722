#ifndef GITOPS_AGENT_PUBLISH_TARGET_H_
#define GITOPS_AGENT_PUBLISH_TARGET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/mount/mount_table.h"
#include "common/path/fd.h"
#include "common/path/walk.h"

namespace gitops {

// A `local` path, found once: what is done to it is done on these descriptors, and stays where it
// was found, whatever is renamed or replaced above it meanwhile.
struct Target {
  std::string local;      // as configured; only for messages
  NameInDirectory place;  // the directory above, and the last name
  Fd node;                // what has the name, O_PATH: the root of the topmost mount, or a symlink
  PathView view;          // of `node`

  // What is in the way of publishing a directory, or a file, by a mount: OK or FAILED_PRECONDITION.
  absl::Status CheckKind(bool file) const;
};

// Walks to `local` (see WalkToParent). NOT_FOUND: it does not exist; FAILED_PRECONDITION: the path
// leads through a symlink of another account, or something that is no directory; others by errno.
absl::StatusOr<Target> OpenTarget(const std::string& local);
// The same for a place that was found before. `local` is for messages.
absl::StatusOr<Target> OpenTarget(NameInDirectory place, const std::string& local);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGET_H_
