#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_CALL_DISPATCHER_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_CALL_DISPATCHER_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/program_config/hooks_config.h"
#include "gitops/v1/hooks.pb.h"
#include "services/hook_dispatcher/call/hook_request.h"

namespace gitops {

// Receives the result of each hook call: "ok", "failed", "ignored" (failed, with on_error "ignore")
// or "cancelled".
using HookObserver = std::function<void(const v1::HookCall& call, const std::string& result)>;

struct DispatcherOptions {
  HttpClient* http = nullptr;  // not owned, like the clock
  Clock* clock = nullptr;
  HookObserver observer;  // called from any thread; may be empty
};

// Runs chains of hooks. Thread-safe; a call in progress keeps the hooks with which it started.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  virtual void SetHooks(std::vector<HookSpec> hooks) = 0;
  virtual std::shared_ptr<const std::vector<HookSpec>> hooks() const = 0;

  // Calls the hooks of the point in order, each with the answer of the previous one, until one
  // stops the chain. Generates an idempotency key and a traceparent if they are empty.
  // INVALID_ARGUMENT: the question is invalid; CANCELLED: `give_up` returned true.
  virtual absl::StatusOr<v1::DispatchHookResponse> Dispatch(
      HookQuestion question, const std::function<bool()>& give_up) = 0;
};

std::unique_ptr<Dispatcher> NewDispatcher(DispatcherOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_CALL_DISPATCHER_H_
