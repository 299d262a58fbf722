#ifndef GITOPS_COMMON_RPC_REFLECTION_LIMIT_H_
#define GITOPS_COMMON_RPC_REFLECTION_LIMIT_H_

#include <grpcpp/support/server_interceptor.h>

#include <memory>

namespace gitops {

// Of a server. Tools open one stream, ask, and close it.
inline constexpr int kMaxReflectionStreams = 8;

// gRPC's reflection service uses a thread of the server for each open stream, and passes no
// RpcGate. Streams beyond kMaxReflectionStreams end at once with CANCELLED.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeReflectionLimit();

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_REFLECTION_LIMIT_H_
