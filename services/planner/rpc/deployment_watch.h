#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/watch_stream.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/rpc/deployment_reads.h"
#include "services/planner/run/deployments.h"

namespace gitops {

// One client of WatchDeployment: remembers what was sent, and sends what differs. For Follow(),
// with indices of hosts, and -1 for the deployment. One thread.
class DeploymentWatch {
 public:
  // Not owned: `store` and `deployments`; they and `request` must outlive this.
  DeploymentWatch(DeploymentStore* store, Deployments* deployments,
                  const v1::WatchDeploymentRequest& request,
                  WatchStream<v1::WatchDeploymentResponse>::Write write)
      : store_(store), deployments_(deployments), request_(request), stream_(std::move(write)) {}
  ~DeploymentWatch() { deployments_->running_checks().Unsubscribe(checks_); }

  // The end of the deployment is urgent. Returns the store's revision.
  absl::StatusOr<int64_t> Start(Changes<int>& changes);
  // Sends the deployment, and its hosts except those that have not changed since the resume_token.
  // INVALID_ARGUMENT: a bad token. Others as the store's.
  absl::Status TellAll(int64_t revision);
  // Sends what differs of these hosts and of the deployment, which comes last; also when the
  // deployment cannot be stored, or can be stored again.
  absl::Status TellChanges(const std::set<int>& changed, int64_t revision);
  // The deployment has ended, and everything was sent.
  bool done() const { return done_; }

 private:
  absl::Status SendDeployment(v1::Deployment deployment);
  // NOT_FOUND: there are fewer hosts. Nothing is sent if the client has the host as it is.
  absl::Status SendHost(int index);
  // Whether the client has the host from its former watch.
  absl::StatusOr<bool> IsKnown(int index);

  DeploymentStore* const store_;
  Deployments* const deployments_;
  const v1::WatchDeploymentRequest& request_;
  WatchStream<v1::WatchDeploymentResponse> stream_;
  int64_t since_ = 0;          // the revision after which the client resumes; 0: it does not
  std::string trouble_;        // as sent
  size_t deployment_ = 0;      // fingerprints
  std::vector<size_t> hosts_;  // by index; 0: not sent
  bool done_ = false;
  std::unique_ptr<StoreWatch> events_;
  int64_t checks_ = 0;  // the subscription to running checks
};

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

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
