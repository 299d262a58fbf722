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

// Settings of every connection, on both sides, as of one among thousands that are mostly idle.
//
// The first size of its read buffer, which an idle connection keeps. gRPC's default is 8 KiB, and
// what is kept of a stream's headers holds on to a second one. The buffer grows with what is read.
inline constexpr int kReadChunkBytes = 1024;
// GRPC_ARG_HTTP2_BDP_PROBE. By default each side answers data with a ping, to measure how large its
// window should be: a second round trip for every call. A large message gets its window without.
inline constexpr int kBdpProbe = 0;

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PREPARE_H_
