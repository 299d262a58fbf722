#ifndef GITOPS_COMMON_RPC_CALLER_H_
#define GITOPS_COMMON_RPC_CALLER_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/strings/string_view.h"
#include "common/rpc/user_metadata.h"

namespace gitops {

// Who calls, for records and messages: `alice@laptop (ipv4:127.0.0.1, not authenticated)`. Nothing
// proves the name, so it is shown, never used to decide. Printable, at most 200 bytes.
std::string CallerName(const grpc::ServerContext& context);

// The caller, as a server names it to another one that it asks on the caller's behalf and that will
// add who asked and that nothing is proven: `alice@laptop from ipv4:192.0.2.7`, of a caller on the
// same machine's unix socket `alice@laptop`. At most 76 bytes, so that " through the planner" fits.
std::string ForwardedCallerName(const grpc::ServerContext& context);

// The same as CallerName() from its parts: the claimed name, and gRPC's name of the peer
// ("ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711", "unix:…").
std::string FormatCaller(absl::string_view user, absl::string_view peer);
std::string FormatForwardedCaller(absl::string_view user, absl::string_view peer);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_CALLER_H_
