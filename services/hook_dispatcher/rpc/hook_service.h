#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_RPC_HOOK_SERVICE_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_RPC_HOOK_SERVICE_H_

#include <memory>

#include "common/rpc/gate.h"
#include "gitops/v1/hooks.grpc.pb.h"
#include "services/hook_dispatcher/call/dispatcher.h"

namespace gitops {

// gitops.v1.HookDispatcherService on a Dispatcher; neither pointer is owned. A call uses a thread
// while its hooks run.
std::unique_ptr<v1::HookDispatcherService::Service> NewHookService(Dispatcher* dispatcher,
                                                                   const RpcGate* gate);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_RPC_HOOK_SERVICE_H_
