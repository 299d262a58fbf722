#ifndef GITOPS_SERVICES_PLANNER_RPC_HOST_GRANTS_H_
#define GITOPS_SERVICES_PLANNER_RPC_HOST_GRANTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/grants.h"
#include "common/rpc/principal.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {

// What one caller's grants allow on hosts of the fleet, whose tags come from the configuration.
// Each check is for an operator's RPC; PERMISSION_DENIED names the host and the action.
class HostGrants {
 public:
  // `file` null: no limits. `fleet` is not owned.
  HostGrants(const GrantFile* file, const Fleet* fleet, const Principal& caller)
      : grants_(file == nullptr ? CallerGrants() : file->Of(caller)), fleet_(fleet) {}

  absl::Status Check(const FleetHost& host, const std::string& action) const;
  // NOT_FOUND is left to the caller: a host that is not in the fleet has no tags.
  absl::Status Check(const std::string& host, const std::vector<std::string>& actions) const;
  absl::Status CheckPlan(const v1::Plan& plan) const;
  // Every host of a deployment in the store. Errors also as DeploymentStore::ForEachHost.
  absl::Status CheckDeployment(DeploymentStore& store, const std::string& id,
                               const std::string& action) const;

 private:
  const CallerGrants grants_;
  const Fleet* const fleet_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_HOST_GRANTS_H_
