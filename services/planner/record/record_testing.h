#ifndef GITOPS_SERVICES_PLANNER_RECORD_RECORD_TESTING_H_
#define GITOPS_SERVICES_PLANNER_RECORD_RECORD_TESTING_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/v1/deployment.pb.h"

// Samples for tests.
namespace gitops {

record::v1::DeploymentEntry EntryOf(const std::string& id,
                                    v1::DeploymentState state = v1::DEPLOYMENT_STATE_RUNNING);
// Ended at that time.
record::v1::DeploymentEntry EndedEntry(const std::string& id, absl::Time end);

std::vector<record::v1::HostEntry> HostsOf(const std::vector<std::string>& names);
// "host0", "host1"…
std::vector<record::v1::HostEntry> HostsNamed(int count);

// With an action and a hook call.
v1::StepRecord StepOf(int number);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_RECORD_TESTING_H_
