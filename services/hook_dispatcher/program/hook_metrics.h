#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_HOOK_METRICS_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_HOOK_METRICS_H_

#include "common/metrics/metrics.h"
#include "services/hook_dispatcher/call/dispatcher.h"

namespace gitops {

// Counts hook calls, each once however many attempts it took, in
// gitops_hook_requests_total{hook,point,result} and gitops_hook_duration_seconds{hook}. `metrics`
// must outlive the observer.
HookObserver CountHooks(Metrics& metrics);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_HOOK_METRICS_H_
