#ifndef GITOPS_AGENT_OPERATION_SECRET_DIRECTORY_H_
#define GITOPS_AGENT_OPERATION_SECRET_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The open directory of a file, and the file's name in it.
struct FilePlace {
  Fd directory;  // O_PATH
  std::string name;
};

// Opens the directory of `path` (absolute) component by component, so that no component can be
// exchanged meanwhile, and follows only symbolic links of root or of this account, also for the
// file itself. Errors name the component: NOT_FOUND: a missing directory; FAILED_PRECONDITION: a
// component that must not be followed.
absl::StatusOr<FilePlace> OpenPlace(const std::string& path, bool make_directories);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_DIRECTORY_H_
