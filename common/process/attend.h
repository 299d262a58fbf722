#ifndef GITOPS_COMMON_PROCESS_ATTEND_H_
#define GITOPS_COMMON_PROCESS_ATTEND_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/process/launch.h"
#include "common/process/process.h"

namespace gitops {

// Feeds and reads `child`, which Launch() started from `command`, and waits for its end. Kills it
// as `command` says, and with CANCELLED when the descriptor `stop` is readable. Errors are those of
// ProcessRunner::Run.
//
// Its descendants may keep the pipes open after it has ended: their output is read for 200 ms, then
// this returns and leaves them running.
absl::StatusOr<CommandResult> Attend(Child child, const Command& command, int stop);

// write(2) that fails with EPIPE instead of raising SIGPIPE where a pipe has no reader.
ssize_t WriteWithoutSignal(int fd, absl::string_view data);

// The failure of setpriv(1) or prlimit(1) before `command`'s own program, if `result` is one.
absl::Status CheckWrapper(const Command& command, const CommandResult& result);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_ATTEND_H_
