#ifndef GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_
#define GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_

#include "services/planner/program/settings.h"

namespace gitops {

// Opens the store and serves until told to end. `flags` are what the config file is added to when
// it is read again. Returns the exit status; a failure to start, such as another planner that works
// in the state directory, is reported on stderr.
int ServePlanner(const Settings& flags, PlannerConfig config);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_
