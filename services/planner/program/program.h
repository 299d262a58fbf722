#ifndef GITOPS_SERVICES_PLANNER_PROGRAM_PROGRAM_H_
#define GITOPS_SERVICES_PLANNER_PROGRAM_PROGRAM_H_

#include <string>
#include <vector>

namespace gitops {

// gitops-planner, from its arguments (without the program's name) to its exit status: 0 ended as it
// was told to; 1 could not begin or go on; 2 wrong flags or config. To be called once, from main().
int RunPlanner(const std::vector<std::string>& arguments);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PROGRAM_PROGRAM_H_
