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
#include "services/planner/run/deployments.h"

namespace gitops {

// One client of WatchDeployment: remembers what was sent, and sends what differs. One thread.
class DeploymentWatch {
 public:
  // `more`: another answer follows at once. False: the client is gone.
  using Write = std::function<bool(const v1::WatchDeploymentResponse&, bool more)>;

  // Not owned: `store` and `deployments`.
  DeploymentWatch(DeploymentStore* store, Deployments* deployments, std::string id, Write write)
      : store_(store), deployments_(deployments), id_(std::move(id)), write_(std::move(write)) {}

  // Sends the deployment, and its hosts except those that have not changed since `resume_token`.
  // `revision`: the store's when the watch began. CANCELLED: the client is gone. INVALID_ARGUMENT:
  // a bad token. Others as the store's.
  absl::Status TellAll(const std::string& resume_token, int64_t revision);
  // Sends what differs of these hosts, by their index, and of the deployment (-1), which comes
  // last; also when the deployment cannot be stored, or can be stored again.
  absl::Status TellChanges(const std::set<int>& changed, int64_t revision);

  // The deployment has ended, and everything was sent.
  bool done() const { return done_; }

 private:
  using Response = v1::WatchDeploymentResponse;

  // Each holds back its answer and sends the one held back before, since the last one is marked.
  absl::Status HoldDeployment(v1::Deployment deployment);
  // NOT_FOUND: there are fewer hosts. Nothing is held back if the client has the host as it is.
  absl::Status HoldHost(int index);
  absl::Status Hold(Response response);
  // Every host that differs from what was sent: it may have been saved just before the end.
  absl::Status HoldRest();
  absl::Status HoldHosts(const std::set<int>& changed);
  // Whether the client has the host from its former watch.
  absl::StatusOr<bool> IsKnown(int index);
  absl::Status SendHeld(int64_t revision, bool initial_done);
  absl::Status Send(const Response& response, bool more) const;

  DeploymentStore* const store_;
  Deployments* const deployments_;
  const std::string id_;
  const Write write_;
  int64_t since_ = 0;          // the revision after which the client resumes; 0: it does not
  bool restarted_ = false;     // for the next answer
  std::string trouble_;        // as sent
  size_t deployment_ = 0;      // fingerprints
  std::vector<size_t> hosts_;  // by index; 0: not sent
  std::optional<Response> held_;
  bool done_ = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_WATCH_H_
