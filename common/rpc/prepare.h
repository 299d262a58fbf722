#ifndef GITOPS_COMMON_RPC_PREPARE_H_
#define GITOPS_COMMON_RPC_PREPARE_H_

namespace gitops {

// Configures gRPC for the process. Call it before the first channel or server is created.
//
// Turns off gRPC's own log lines: failures are returned as a status and logged once by our code.
// With GRPC_VERBOSITY in the environment they stay on.
//
// Turns off deadlock detection at every lock, which Debian's build of Abseil has on: it would
// triple the cost of a connection.
void PrepareGrpc();

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PREPARE_H_
