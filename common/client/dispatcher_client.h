#ifndef GITOPS_COMMON_CLIENT_DISPATCHER_CLIENT_H_
#define GITOPS_COMMON_CLIENT_DISPATCHER_CLIENT_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/client/client.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {

template <typename Service>
class Calls;
namespace v1 {
class HookDispatcherService;
}

// A hook dispatcher that is called without a planner. Errors, time limits, threads and copies: see
// PlannerClient.
class DispatcherClient {
 public:
  static absl::StatusOr<DispatcherClient> New(const ClientOptions& options);
  // This client for another caller, over the same connection.
  DispatcherClient For(Caller caller) const;

  absl::StatusOr<std::vector<v1::Hook>> ListHooks();
  // A hook that stops the chain is an answer (`failure`). Waits up to five minutes for the hooks.
  absl::StatusOr<v1::DispatchHookResponse> Dispatch(const v1::DispatchHookRequest& request);
  // Like the planner's, but hooks at select points must not add hosts.
  absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& request);

 private:
  explicit DispatcherClient(std::shared_ptr<const Calls<v1::HookDispatcherService>> calls)
      : calls_(std::move(calls)) {}

  std::shared_ptr<const Calls<v1::HookDispatcherService>> calls_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_DISPATCHER_CLIENT_H_
