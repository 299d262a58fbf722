#ifndef GITOPS_COMMON_PROCESS_CONVERSE_H_
#define GITOPS_COMMON_PROCESS_CONVERSE_H_

#include <memory>

#include "common/process/launch.h"
#include "common/process/process.h"

namespace gitops {

// The conversation with `child`, which Launch() started from `command` for one. What is asked ends
// with CANCELLED when the descriptor `stop` is readable.
std::unique_ptr<Conversation> NewConversation(Child child, const Command& command, int stop);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_CONVERSE_H_
