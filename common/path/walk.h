#ifndef GITOPS_COMMON_PATH_WALK_H_
#define GITOPS_COMMON_PATH_WALK_H_

#include <sys/stat.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// A name in an open directory.
struct NameInDirectory {
  Fd directory;  // O_PATH
  std::string name;
};

struct WalkOptions {
  // What the walk is for, at the beginning of each error: "cannot publish to /etc/app".
  std::string attempt;
  // Makes missing directories as MakeNode does. Several walks, also of other processes, may make
  // and remove the same ones at the same time.
  bool make_directories = false;
  // Called after each directory that was made.
  std::function<void(int parent, const std::string& name)> made;
  // Called for each directory on the way, "/" and the last one included, with its path without
  // symlinks; an error ends the walk and is returned as it is.
  std::function<absl::Status(absl::string_view path, const struct stat& status)> check;
  // Follows a symlink at the end of the path too; the name is then that in its target.
  bool follow_last = false;
};

// Walks along `path` (absolute), which may lead through directories of other accounts, from one
// open directory to the next, and returns the directory of its last name. What is done afterwards
// on that descriptor is done in the directory that was found, whatever is renamed meanwhile.
//
// Symlinks are followed only if root or this process's account owns them, and another account's
// directory does not have them by a hard link; nothing is made for a symlink whose target is
// missing. Mount points are crossed. Errors name the component: NOT_FOUND:
// there is no such directory; FAILED_PRECONDITION: a component is not a directory, or a symlink of
// another account; INVALID_ARGUMENT: not absolute, or no name at the end; others by errno.
absl::StatusOr<NameInDirectory> WalkToParent(const std::string& path, const WalkOptions& options);

// The same for a directory: returns it, opened O_PATH. `follow_last` is as if set.
absl::StatusOr<Fd> WalkToDirectory(const std::string& path, const WalkOptions& options);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_WALK_H_
