#ifndef GITOPS_COMMON_RPC_STATUS_H_
#define GITOPS_COMMON_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace gitops {

// The one converter between absl::Status and gRPC's. Codes have the same numbers; messages are
// kept. Invalid UTF-8 in a message is replaced, since gRPC would drop it.
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_STATUS_H_
