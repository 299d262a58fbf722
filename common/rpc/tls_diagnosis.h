#ifndef GITOPS_COMMON_RPC_TLS_DIAGNOSIS_H_
#define GITOPS_COMMON_RPC_TLS_DIAGNOSIS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/rpc/channel.h"

namespace gitops {

// Why a connection to `options.address` fails after it was made, which gRPC tells neither side:
// tries a handshake, for 2 s at most. Empty: nothing is known beyond `error`, gRPC's message.
// Messages name files and certificates, and nothing secret. Any thread.
std::string DiagnoseConnection(const ChannelOptions& options, absl::string_view error);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_TLS_DIAGNOSIS_H_
