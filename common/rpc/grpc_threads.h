#ifndef GITOPS_COMMON_RPC_GRPC_THREADS_H_
#define GITOPS_COMMON_RPC_GRPC_THREADS_H_

namespace gitops {

// gRPC does not report a thread of its own that it cannot start: it goes on without it, and calls
// that need that thread never end. Therefore this library replaces pthread_create in the program:
// where the host refuses a thread with attributes, as only gRPC creates them, it tries again for a
// while. Not in builds with a sanitizer, which replaces the function too.

// Whether gRPC did not get a thread all the same, since the start of the program. Thread-safe.
bool GrpcLacksThreads();

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_GRPC_THREADS_H_
