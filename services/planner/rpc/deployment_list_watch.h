#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/watches.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/rpc/deployment_filter.h"
#include "services/planner/run/deployments.h"

namespace gitops {

// One client of WatchDeployments: remembers what was sent, and sends what differs. One thread.
class DeploymentListWatch {
 public:
  // False: the client is gone.
  using Write = std::function<bool(const v1::WatchDeploymentsResponse&)>;

  // Not owned: `store` and `deployments`; they and `request` must outlive this.
  DeploymentListWatch(DeploymentStore* store, Deployments* deployments,
                      const v1::WatchDeploymentsRequest& request, Write write)
      : store_(store),
        deployments_(deployments),
        request_(request),
        matcher_(store, request.filter()),
        write_(std::move(write)) {}

  // Sends the deployments there are, then each change until `cancelled`. CANCELLED: the client is
  // gone. UNAVAILABLE: `changes` was closed. Errors of the request and the store.
  absl::Status Follow(Changes<std::string>& changes, const std::function<bool()>& cancelled);

 private:
  // Watches from the request's resume point if the store still has it, else from now on; then
  // `resumed_` is false.
  absl::StatusOr<std::unique_ptr<StoreWatch>> Start(Changes<std::string>& changes);
  absl::Status TellBeginning();
  // For a watch that resumes: it does not get the deployments that have not changed.
  absl::Status FindUnfinished();
  absl::Status TellChanges(std::set<std::string> ids);
  // What to send of a deployment; none: it was sent, or does not match.
  absl::StatusOr<std::optional<v1::WatchDeploymentsResponse>> Update(const std::string& id);
  // The same for one that matches.
  std::optional<v1::WatchDeploymentsResponse> News(v1::Deployment deployment);
  absl::Status Send(const v1::WatchDeploymentsResponse& response) const;

  DeploymentStore* const store_;
  Deployments* const deployments_;
  const v1::WatchDeploymentsRequest& request_;
  DeploymentMatcher matcher_;
  const Write write_;
  bool resumed_ = false;
  int64_t revision_ = 0;                // everything up to it was sent
  std::map<std::string, size_t> told_;  // fingerprints by id
  // By id of those that have not ended: what was sent as the reason why they cannot be stored.
  std::map<std::string, std::string> troubles_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_
