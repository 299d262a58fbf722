#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_CALL_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_CALL_H_

#include <functional>

#include "common/clock/clock.h"
#include "common/http/client.h"
#include "gitops/v1/hooks.pb.h"
#include "services/hook_dispatcher/call/hook_request.h"

namespace gitops {

// The outcome of one hook call.
struct HookOutcome {
  v1::HookCall call;
  // The payload after the hook. INVALID_ARGUMENT: the hook failed, see call.error; CANCELLED: given
  // up.
  absl::StatusOr<Payload> answer;
};

// Calls `hook`, and retries where that may help, until it answers or has no retries left. Polls
// `give_up` a few times per second. Blocks.
HookOutcome CallHook(const HookSpec& hook, const HookQuestion& question, HttpClient& http,
                     Clock& clock, const std::function<bool()>& give_up);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_CALL_H_
