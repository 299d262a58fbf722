#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {

// What one client of WatchDeployment has been told, so that it is told what differs. One thread.
class DeploymentWatch {
 public:
  // False: the client is gone.
  using Write = std::function<bool(const v1::WatchDeploymentResponse&)>;

  // `store` is not owned.
  DeploymentWatch(DeploymentStore* store, std::string id, Write write)
      : store_(store), id_(std::move(id)), write_(std::move(write)) {}

  // The deployment and all its hosts. CANCELLED: the client is gone; others as the store's.
  absl::Status TellAll();
  // What differs of hosts by their index, and of the deployment (-1), which comes last.
  absl::Status TellChanges(const std::set<int>& changed);

  // It has ended, and everything was told.
  bool done() const { return done_; }

 private:
  absl::Status TellDeployment();
  absl::Status TellHost(int index);
  // Every host that differs from what was told: what was saved just before the end.
  absl::Status TellRest();
  absl::Status SendHost(int index, v1::HostDeployment host, bool last);
  absl::Status SendDeployment(v1::Deployment deployment, bool last);
  absl::Status Send(const v1::WatchDeploymentResponse& response) const;

  DeploymentStore* const store_;
  const std::string id_;
  const Write write_;
  size_t deployment_ = 0;      // fingerprints
  std::vector<size_t> hosts_;  // by index
  bool done_ = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
