#ifndef GITOPS_COMMON_PROCESS_LAUNCH_H_
#define GITOPS_COMMON_PROCESS_LAUNCH_H_

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "common/path/fd.h"
#include "common/process/process.h"

namespace gitops {

// A process that was spawned, leader of its own group, and our ends of what joins us to it. Whoever
// has it must wait for it.
struct Child {
  pid_t pid = -1;
  // Readable once it has ended.
  Fd ended;
  // Non-blocking; none where there is nothing to write.
  Fd input;
  Fd output;
  Fd error;
};

// Spawns `command`. It gets descriptors 0 to 2 and no others, default signal handling and the
// environment, directory, account and limits that the command says. Errors as ProcessRunner::Run.
absl::StatusOr<Child> Launch(const Command& command);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_LAUNCH_H_
