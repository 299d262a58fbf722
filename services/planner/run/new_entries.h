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

// What is stored of a deployment before it runs.

DeploymentRecord MakeDeploymentEntry(const std::string& id,
                                     const Deployments::NewDeployment& deployment,
                                     const v1::Plan& plan, const std::string& planner,
                                     absl::Time now);
std::vector<HostRecord> MakeHostEntries(const v1::Plan& plan);

// Makes it one that failed before it began, for this reason.
void NotBegun(DeploymentRecord& entry, const absl::Status& why);

// Makes the hosts that are not done pending again, from where they stand, and returns those that
// changed. DATA_LOSS: where one stands cannot be read.
absl::StatusOr<std::vector<DeploymentStore::Checkpoint>> ResumeHosts(std::vector<HostRecord>& hosts,
                                                                     const HostPolicy& policy);
// Makes a deployment that ended pending again.
void ResumeEntry(DeploymentRecord& entry, absl::Time now, const Actor& actor);

std::string LockBrokenText(const v1::HostLock& lock, const std::string& reason);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_
