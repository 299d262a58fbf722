#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_CALL_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_CALL_H_

#include <functional>

#include "common/clock/clock.h"
#include "common/http/client.h"
#include "gitops/v1/hooks.pb.h"
#include "services/hook_dispatcher/call/hook_request.h"

namespace gitops {

// What came of asking one hook.
struct HookOutcome {
  v1::HookCall call;
  // The payload after it. INVALID_ARGUMENT: it failed, as call.error says; CANCELLED: given up.
  absl::StatusOr<Payload> answer;
};

// Asks `hook`, again where that may help, until it has answered or its retries are used up.
// `give_up` is asked a few times a second. Blocks.
HookOutcome CallHook(const HookSpec& hook, const HookQuestion& question, HttpClient& http,
                     Clock& clock, const std::function<bool()>& give_up);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_CALL_HOOK_CALL_H_
