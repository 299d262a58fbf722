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
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/rpc/deployment_filter.h"
#include "services/planner/rpc/watches.h"

namespace gitops {

// One client of WatchDeployments: what it has been told, so that it is told what differs. One
// thread.
class DeploymentListWatch {
 public:
  // False: the client is gone.
  using Write = std::function<bool(const v1::WatchDeploymentsResponse&)>;

  // Not owned: `store`; it and `request` must outlive this.
  DeploymentListWatch(DeploymentStore* store, const v1::WatchDeploymentsRequest& request,
                      Write write)
      : store_(store),
        request_(request),
        matcher_(store, request.filter()),
        write_(std::move(write)) {}

  // Tells the beginning, and each change until `cancelled`. CANCELLED: the client is gone.
  // UNAVAILABLE: `changes` was closed. Errors of the request and the store.
  absl::Status Follow(Changes<std::string>& changes, const std::function<bool()>& cancelled);

 private:
  // Watches from the request's resume point on where there is one and the store still knows it,
  // else from now on; then `resumed_` is false.
  absl::StatusOr<std::unique_ptr<StoreWatch>> Start(Changes<std::string>& changes);
  absl::Status TellBeginning();
  absl::Status TellChanges(const std::set<std::string>& ids);
  // What is to be told of one; nothing: it was told, or does not concern the client.
  absl::StatusOr<std::optional<v1::WatchDeploymentsResponse>> Update(const std::string& id);
  // The same of one that matches.
  std::optional<v1::WatchDeploymentsResponse> News(v1::Deployment deployment);
  absl::Status Send(const v1::WatchDeploymentsResponse& response) const;

  DeploymentStore* const store_;
  const v1::WatchDeploymentsRequest& request_;
  DeploymentMatcher matcher_;
  const Write write_;
  bool resumed_ = false;
  int64_t revision_ = 0;                // everything up to it was told
  std::map<std::string, size_t> told_;  // fingerprints by id
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_
