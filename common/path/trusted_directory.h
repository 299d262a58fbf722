#ifndef GITOPS_COMMON_PATH_TRUSTED_DIRECTORY_H_
#define GITOPS_COMMON_PATH_TRUSTED_DIRECTORY_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// Whether an account that could change everything of this process anyway owns it: root, this
// process's own account, or the owner of "/" (a user namespace shows root as that).
bool IsTrustedOwner(uid_t uid);

struct TrustedOptions {
  bool create = false;  // missing directories are made, 0755
  std::string remedy;   // ends the message of a refusal: "choose another `mount`"
};

struct TrustedDirectory {
  Fd fd;  // O_PATH
  // A directory above it in which everybody may create names, such as /tmp; empty: none.
  std::string shared;
};

// Walks to the directory at the absolute `path` (see walk.h). It and each directory above it have a
// trusted owner and cannot be written to by others, unless the sticky bit keeps others from
// renaming what is not theirs; so nobody else can put something else in its place. Symlinks are
// followed if their owner is trusted. FAILED_PRECONDITION names the directory, its owner and the
// remedy; NOT_FOUND: it does not exist; other errors by errno, with the path.
absl::StatusOr<TrustedDirectory> OpenTrustedDirectory(const std::string& path,
                                                      const TrustedOptions& options = {});

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_TRUSTED_DIRECTORY_H_
