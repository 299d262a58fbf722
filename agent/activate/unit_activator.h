#ifndef GITOPS_AGENT_ACTIVATE_UNIT_ACTIVATOR_H_
#define GITOPS_AGENT_ACTIVATE_UNIT_ACTIVATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/activate/activator.h"
#include "agent/activate/package_manager.h"
#include "agent/activate/systemd.h"
#include "common/clock/clock.h"

namespace gitops {

struct UnitActivatorOptions {
  // Names the unit; see UnitName().
  std::string service;
  // One of kUnitVerbs; empty: Activate does nothing, and systemd is never called.
  std::string action;
  // The time for the unit to become healthy, counted from the action. Zero: only the job's result
  // counts.
  absl::Duration healthy_within = absl::Seconds(30);
  // Installed by Prepare if missing; empty: none.
  std::string package;
  // Where the service's revisions are published. If they may contain unit files, systemd reloads
  // its unit files before each action.
  std::vector<std::string> local_paths;
};

// Activates a service by an action on its systemd unit. The pointers must outlive it.
std::unique_ptr<Activator> NewUnitActivator(UnitActivatorOptions options, Systemd* systemd,
                                            PackageManager* packages, Clock* clock);

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_UNIT_ACTIVATOR_H_
