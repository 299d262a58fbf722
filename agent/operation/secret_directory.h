#ifndef GITOPS_AGENT_OPERATION_SECRET_DIRECTORY_H_
#define GITOPS_AGENT_OPERATION_SECRET_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// A file's directory, opened, and its name in it.
struct FilePlace {
  Fd directory;  // O_PATH
  std::string name;
};

// Goes to the directory of `path` (absolute) component by component, so that nobody can exchange
// one behind it, and follows only symbolic links of root or of this account; also where the file
// itself is one. Errors name the component: NOT_FOUND: a directory that is missing;
// FAILED_PRECONDITION: one that is not to be gone through.
absl::StatusOr<FilePlace> OpenPlace(const std::string& path, bool make_directories);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_DIRECTORY_H_
