#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_LISTS_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_LISTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/select/selection.h"

namespace gitops {

// Pages of the fleet. A token has the last host (and service) of a page and its position, so that
// the next page is right although hosts come and go.

using LocksByHost = std::vector<v1::HostLock>;  // as HostLocks::List() returns them
// Null: the host is not locked.
const v1::HostLock* FindLock(const LocksByHost& locks, const std::string& host);

// Returns `host` with its lock and etag.
v1::Host WithLock(const v1::Host& host, const LocksByHost& locks);

// Errors as PlannerService's methods of these names; CANCELLED: `cancelled` returned true.
absl::Status ListHosts(const Fleet& fleet, HostLocks& locks, const v1::ListHostsRequest& request,
                       const Cancelled& cancelled, v1::ListHostsResponse* response);
absl::StatusOr<v1::Host> GetHost(const Fleet& fleet, HostLocks& locks, const std::string& name);
absl::Status ListLocks(HostLocks& locks, const v1::ListLocksRequest& request,
                       v1::ListLocksResponse* response);
absl::Status ListFleetServices(const Fleet& fleet, const v1::ListFleetServicesRequest& request,
                               const Cancelled& cancelled, v1::ListFleetServicesResponse* response);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_LISTS_H_
