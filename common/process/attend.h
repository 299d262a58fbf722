#ifndef GITOPS_COMMON_PROCESS_ATTEND_H_
#define GITOPS_COMMON_PROCESS_ATTEND_H_

#include "absl/status/statusor.h"
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

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_ATTEND_H_
