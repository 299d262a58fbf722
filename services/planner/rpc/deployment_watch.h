#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

  // The deployment, and its hosts but for those that have not changed since `resume_token`.
  // `revision`: of the store, up to which what is read now is as new at least. CANCELLED: the
  // client is gone. INVALID_ARGUMENT: no such token. Others as the store's.
  absl::Status TellAll(const std::string& resume_token, int64_t revision);
  // What differs of hosts by their index, and of the deployment (-1), which comes last.
  absl::Status TellChanges(const std::set<int>& changed, int64_t revision);

  // It has ended, and everything was told.
  bool done() const { return done_; }

 private:
  using Response = v1::WatchDeploymentResponse;

  // Each holds back the answer, and sends the one that was held back before: the last is marked.
  absl::Status HoldDeployment(v1::Deployment deployment);
  // NOT_FOUND: there are fewer. Nothing is held back where the client knows the host as it is.
  absl::Status HoldHost(int index);
  absl::Status Hold(Response response);
  // Every host that differs from what was told: what was saved just before the end.
  absl::Status HoldRest();
  absl::Status HoldHosts(const std::set<int>& changed);
  // Whether the client knows the host from the watch before.
  absl::StatusOr<bool> IsKnown(int index);
  absl::Status SendHeld(int64_t revision, bool initial_done);
  absl::Status Send(const Response& response) const;

  DeploymentStore* const store_;
  const std::string id_;
  const Write write_;
  int64_t since_ = 0;          // the revision after which the client goes on; 0: it is new
  size_t deployment_ = 0;      // fingerprints
  std::vector<size_t> hosts_;  // by index; 0: not told
  std::optional<Response> held_;
  bool done_ = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
