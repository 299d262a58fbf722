#ifndef GITOPS_COMMON_PROCESS_ATTEND_H_
#define GITOPS_COMMON_PROCESS_ATTEND_H_

#include "absl/status/statusor.h"
#include "common/process/launch.h"
#include "common/process/process.h"

namespace gitops {

// Feeds and reads `child`, which Launch() made of `command`, to its end, and waits for it. It is
// killed as `command` says, and with CANCELLED when the descriptor `stop` is readable. Errors as
// ProcessRunner::Run.
//
// Its descendants may keep the pipes open after it has ended: what they write within 200 ms is
// read, then this returns and leaves them alone.
absl::StatusOr<CommandResult> Attend(Child child, const Command& command, int stop);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_ATTEND_H_
