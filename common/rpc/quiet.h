#ifndef GITOPS_COMMON_RPC_QUIET_H_
#define GITOPS_COMMON_RPC_QUIET_H_

namespace gitops {

// Stops gRPC's own lines on standard error: what goes wrong comes as a status, and is told once, in
// our words. With GRPC_VERBOSITY in the environment they are left on.
void QuietGrpc();

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_QUIET_H_
