#ifndef GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_
#define GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/planner/record/deployment_record.h"
#include "services/planner/run/deployments.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// What is stored of a deployment before it runs.

DeploymentRecord MakeDeploymentEntry(const Deployments::NewDeployment& deployment,
                                     const std::string& planner, absl::Time now);
std::vector<HostRecord> MakeHostEntries(const v1::Plan& plan);

// Makes a host that is not done pending again, from where it stands; false: there was nothing to
// change. DATA_LOSS: where it stands cannot be read.
absl::StatusOr<bool> ResumeHost(HostRecord& host, const HostPolicy& policy);
// Makes a deployment that ended pending again.
void ResumeEntry(DeploymentRecord& entry, absl::Time now, const std::string& actor);

std::string LockBrokenText(const v1::HostLock& lock, const std::string& reason);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_NEW_ENTRIES_H_
