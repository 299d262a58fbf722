#ifndef GITOPS_CTL_CLIENT_DISPATCHER_CLIENT_H_
#define GITOPS_CTL_CLIENT_DISPATCHER_CLIENT_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "ctl/client/planner_client.h"

namespace gitops::ctl {

// A hook dispatcher, asked without a planner. Failures and threads as PlannerClient.
class DispatcherClient {
 public:
  virtual ~DispatcherClient() = default;

  virtual absl::StatusOr<std::vector<v1::Hook>> ListHooks() = 0;
  // As the planner's, but the hooks at select points may add no other host.
  virtual absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& request) = 0;
};

absl::StatusOr<std::unique_ptr<DispatcherClient>> NewDispatcherClient(
    const PlannerClientOptions& options);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_DISPATCHER_CLIENT_H_
