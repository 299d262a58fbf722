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

// The same from its parts: the claimed name, and gRPC's name of the peer ("ipv4:127.0.0.1:4711",
// "ipv6:%5B::1%5D:4711", "unix:…").
std::string FormatCaller(absl::string_view user, absl::string_view peer);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_CALLER_H_
