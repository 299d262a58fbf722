#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/watch_stream.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/rpc/deployment_filter.h"
#include "services/planner/run/deployments.h"

namespace gitops {

// One client of WatchDeployments: remembers what was sent, and sends what differs. For Follow(),
// with ids. One thread.
class DeploymentListWatch {
 public:
  // Not owned: `store` and `deployments`; they and `request` must outlive this.
  DeploymentListWatch(DeploymentStore* store, Deployments* deployments,
                      const v1::WatchDeploymentsRequest& request,
                      WatchStream<v1::WatchDeploymentsResponse>::Write write)
      : store_(store),
        deployments_(deployments),
        request_(request),
        matcher_(store, request.filter()),
        stream_(std::move(write)) {}

  // As WatchStream::Start.
  absl::StatusOr<int64_t> Start(Changes<std::string>& changes);
  // Sends the deployments there are, unless the watch resumes.
  absl::Status TellAll(int64_t revision);
  // Sends what differs of these; also when one cannot be stored, or can be stored again.
  absl::Status TellChanges(std::set<std::string> ids, int64_t revision);
  bool done() const { return false; }

 private:
  // For a watch that resumes: it does not get the deployments that have not changed.
  absl::Status FindUnfinished();
  absl::Status SendChange(const std::string& id);
  // Of a deployment that matches.
  absl::Status SendNews(v1::Deployment deployment);

  DeploymentStore* const store_;
  Deployments* const deployments_;
  const v1::WatchDeploymentsRequest& request_;
  DeploymentMatcher matcher_;
  WatchStream<v1::WatchDeploymentsResponse> stream_;
  std::map<std::string, size_t> told_;  // fingerprints by id
  // By id of those that have not ended: what was sent as the reason why they cannot be stored.
  std::map<std::string, std::string> troubles_;
  std::unique_ptr<StoreWatch> events_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_LIST_WATCH_H_
