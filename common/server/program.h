#ifndef GITOPS_COMMON_SERVER_PROGRAM_H_
#define GITOPS_COMMON_SERVER_PROGRAM_H_

#include <functional>
#include <string>
#include <vector>

#include "common/config/settings.h"

namespace gitops {

// How a server's main() begins.
struct ServerProgram {
  const char* name;   // "gitops-planner"
  const char* usage;  // "gitops-planner [FLAGS]"
  std::vector<SettingDefinition> settings;
};

// Limits heaps, blocks signals, reads the flags in `arguments` (without the program's name), and
// prints what --help and --version ask for; otherwise returns what `run` returns for the flags.
// Returns the exit status. Call it once, from main(), before the first thread is created.
int RunServerProgram(const ServerProgram& program, const std::vector<std::string>& arguments,
                     const std::function<int(const Settings& flags)>& run);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_PROGRAM_H_
