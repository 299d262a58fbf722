#ifndef GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_
#define GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_

#include <string>
#include <vector>

namespace gitops {

// Runs gitops-planner with these arguments (without the program's name) and returns its exit
// status: 0 stopped on request; 1 could not start or continue; 2 wrong flags or config. Call it
// once, from main().
int RunPlanner(const std::vector<std::string>& arguments);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_
