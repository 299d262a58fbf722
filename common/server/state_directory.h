#ifndef GITOPS_COMMON_SERVER_STATE_DIRECTORY_H_
#define GITOPS_COMMON_SERVER_STATE_DIRECTORY_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace gitops {

// Creates the directory of --state-dir and its parents, and sets its mode. FAILED_PRECONDITION:
// that is not possible; the message says why.
absl::Status MakeStateDirectory(const std::string& path, mode_t mode = 0700);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_STATE_DIRECTORY_H_
