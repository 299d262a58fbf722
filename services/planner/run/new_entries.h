#ifndef GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_
#define GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/run/deployments.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// Records of deployments before they run.

DeploymentRecord MakeDeploymentEntry(const std::string& id,
                                     const Deployments::NewDeployment& deployment,
                                     const v1::Plan& plan, const std::string& planner,
                                     absl::Time now);
std::vector<HostRecord> MakeHostEntries(const v1::Plan& plan);

// Changes it to a deployment that failed before it began.
void NotBegun(DeploymentRecord& entry, const absl::Status& why);

// Makes hosts that are not done pending again, with their progress, and returns those that changed.
// DATA_LOSS: the progress of a host cannot be read.
absl::StatusOr<std::vector<DeploymentStore::Checkpoint>> ResumeHosts(std::vector<HostRecord>& hosts,
                                                                     const HostPolicy& policy);
// Makes a deployment that has ended pending again.
void ResumeEntry(DeploymentRecord& entry, absl::Time now, const Actor& actor);

std::string LockBrokenText(const v1::HostLock& lock, const std::string& reason);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_
