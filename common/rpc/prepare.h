#ifndef GITOPS_COMMON_RPC_PREPARE_H_
#define GITOPS_COMMON_RPC_PREPARE_H_

namespace gitops {

// Sets what gRPC keeps per process; before the first channel or server is made.
//
// Stops gRPC's own lines on standard error: what goes wrong comes as a status, and is told once, in
// our words. With GRPC_VERBOSITY in the environment they are left on.
//
// Switches off the search for deadlocks at every lock, which Debian's build of Abseil has left on:
// a connection would cost three times as much.
void PrepareGrpc();

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PREPARE_H_
