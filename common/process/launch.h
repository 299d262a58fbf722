#ifndef GITOPS_COMMON_PROCESS_LAUNCH_H_
#define GITOPS_COMMON_PROCESS_LAUNCH_H_

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "common/path/fd.h"
#include "common/process/process.h"

namespace gitops {

// A spawned process, the leader of its own group, and our ends of its pipes. The owner must wait
// for it.
struct Child {
  pid_t pid = -1;
  // Readable once it has ended.
  Fd ended;
  // Non-blocking; none if there is nothing to write and it is no conversation.
  Fd input;
  Fd output;
  Fd error;
};

// Spawns `command`. The process gets only descriptors 0 to 2, default signal handling, and the
// environment, directory, account and limits of the command. Errors are those of
// ProcessRunner::Run. With `conversation` it has a pipe as input in any case. `root`: see
// NewProcessRunner; below 0: this process's.
absl::StatusOr<Child> Launch(const Command& command, bool conversation = false, int root = -1);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_LAUNCH_H_
