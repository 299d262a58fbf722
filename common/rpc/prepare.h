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

// The first size of a connection's read buffer, which an idle connection keeps. gRPC's default is
// 8 KiB, and what is kept of a stream's headers holds on to a second one. The buffer grows with
// what is read.
inline constexpr int kReadChunkBytes = 1024;

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PREPARE_H_
