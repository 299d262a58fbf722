#ifndef GITOPS_SERVICES_PLANNER_RECORD_RECORD_TESTING_H_
#define GITOPS_SERVICES_PLANNER_RECORD_RECORD_TESTING_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/record/deployment_record.h"
#include "services/planner/record/deployment_store.h"

// Samples and helpers for tests.
namespace gitops {

// Reads everything at once.
class TestRecords : public DeploymentStore {
 public:
  using DeploymentStore::DeploymentStore;

  // With hosts, steps and hook calls.
  absl::StatusOr<v1::Deployment> Whole(const std::string& id);
  // Newest first; those whose id is less than `before` (empty: all), at most `limit`.
  absl::StatusOr<std::vector<v1::Deployment>> List(const std::string& before = "",
                                                   int limit = 1000);
};

DeploymentRecord EntryOf(const std::string& id,
                         v1::DeploymentState state = v1::DEPLOYMENT_STATE_RUNNING);
// Ended at that time.
DeploymentRecord EndedEntry(const std::string& id, absl::Time end);

std::vector<HostRecord> HostsOf(const std::vector<std::string>& names);
// "host0", "host1"…
std::vector<HostRecord> HostsNamed(int count);

// With an action and a hook call.
v1::StepRecord StepOf(int number);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_RECORD_TESTING_H_
