#ifndef GITOPS_CTL_RUN_H_
#define GITOPS_CTL_RUN_H_

#include <string>
#include <vector>

#include "ctl/console.h"

namespace gitops::ctl {

// Runs one command line (without the program's name) and returns the exit status: the whole program
// except for the process around it.
int Run(const std::vector<std::string>& arguments, Console& console);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_RUN_H_
