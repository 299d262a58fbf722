#ifndef GITOPS_AGENT_PROGRAM_COMMAND_LINE_H_
#define GITOPS_AGENT_PROGRAM_COMMAND_LINE_H_

#include <string>
#include <vector>

namespace gitops {

// Runs gitops-agent with its arguments (without the program's name). Returns the exit status: that
// of ServeAgent(), or 2 for wrong flags. Called once, from main().
int RunAgent(const std::vector<std::string>& arguments);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_COMMAND_LINE_H_
