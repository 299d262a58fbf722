#ifndef GITOPS_AGENT_PROGRAM_JOIN_COMMAND_H_
#define GITOPS_AGENT_PROGRAM_JOIN_COMMAND_H_

#include <string>
#include <vector>

namespace gitops {

// Runs `gitops-agent join` with the arguments after that word. Returns the exit status: 0: the host
// has joined, now or before; 2: wrong flags or state; 1: it failed.
int RunJoin(const std::vector<std::string>& arguments);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_JOIN_COMMAND_H_
