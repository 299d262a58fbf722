#ifndef GITOPS_AGENT_PROGRAM_HOST_ROOT_H_
#define GITOPS_AGENT_PROGRAM_HOST_ROOT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "common/path/fd.h"

namespace gitops {

// For an agent in a container that manages its host, whose file system the container sees at
// --host-root. ADR 44 says why it is done in this way.

// Makes the directory of `flags` this process's root, so that every path, account and program is
// the host's, and returns the container's root, where git is. Returns none if the flag is not set.
// Call it before the first thread is created. FAILED_PRECONDITION: the container was not started as
// this needs; the message says how.
absl::StatusOr<Fd> EnterHostRoot(const Settings& flags);

// After EnterHostRoot. FAILED_PRECONDITION: what is mounted here stays in the container, or
// `container` does not see the host's directory `state_dir` at the same path, where git needs it.
absl::Status CheckMountsReachHost();
absl::Status CheckSeenByGit(const Fd& container, const std::string& state_dir);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_HOST_ROOT_H_
