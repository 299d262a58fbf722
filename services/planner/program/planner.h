#ifndef GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_
#define GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "services/planner/program/settings.h"

namespace gitops {

// Everything between the settings and the servers.
class Planner {
 public:
  virtual ~Planner() = default;
  // Serves until it is told to end. Returns the exit status.
  virtual int Serve() = 0;
};

// Opens the store, and makes what works on it. `flags` are what the config file is added to when it
// is read again. UNAVAILABLE: another planner works in the state directory.
absl::StatusOr<std::unique_ptr<Planner>> OpenPlanner(const Settings& flags, PlannerConfig config);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PROGRAM_PLANNER_H_
