#ifndef GITOPS_COMMON_RPC_HANDSHAKES_H_
#define GITOPS_COMMON_RPC_HANDSHAKES_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace gitops {

// TLS handshakes of this process that failed, with clients and servers. gRPC tells of them only in
// its log. Any thread.

// Counts one, and logs OpenSSL's reason: at most one line in 10 s, so that nobody fills the log.
void NoteFailedHandshake(absl::string_view reason);
int64_t FailedHandshakes();

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_HANDSHAKES_H_
