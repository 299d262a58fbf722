#ifndef GITOPS_CTL_RUN_H_
#define GITOPS_CTL_RUN_H_

#include <string>
#include <vector>

#include "ctl/console.h"

namespace gitops::ctl {

// The whole program but for the process around it: carries out one command line (without the
// program's name) and answers the exit status.
int Run(const std::vector<std::string>& arguments, Console& console);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_RUN_H_
