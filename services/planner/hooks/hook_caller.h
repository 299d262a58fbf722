#ifndef GITOPS_SERVICES_PLANNER_HOOKS_HOOK_CALLER_H_
#define GITOPS_SERVICES_PLANNER_HOOKS_HOOK_CALLER_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/rpc/channel.h"
#include "gitops/v1/hooks.pb.h"

namespace gitops {

// The planner's side of the hook dispatcher. Any thread.
class HookCaller {
 public:
  virtual ~HookCaller() = default;

  // Whether there is a dispatcher at all; without one, no hooks run.
  virtual bool configured() const = 0;
  // Without a dispatcher: the payload as it is. Errors as Peer's: UNAVAILABLE if the dispatcher
  // cannot be reached (names its address), CANCELLED if `give_up` (called a few times a second)
  // said so; and the dispatcher's.
  virtual absl::StatusOr<v1::DispatchHookResponse> Dispatch(
      const v1::DispatchHookRequest& request, const std::function<bool()>& give_up) = 0;
  // Without a dispatcher: none. Errors as Dispatch; UNAVAILABLE also without an answer in 30 s.
  virtual absl::StatusOr<v1::ListHooksResponse> List() = 0;
};

// `channel`: the dispatcher's address (empty: there is none), and how to connect to it; the rest is
// set here. INVALID_ARGUMENT: a bad address.
absl::StatusOr<std::unique_ptr<HookCaller>> NewHookCaller(ChannelOptions channel);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_HOOKS_HOOK_CALLER_H_
