#include "common/rpc/trace.h"

#include "absl/strings/string_view.h"
#include "common/trace/traceparent.h"

namespace gitops {

std::string TraceparentOf(const grpc::ServerContext& context) {
  const auto sent = context.client_metadata().find(kTraceparent);
  if (sent == context.client_metadata().end()) return NewTraceparent();
  return TraceparentOrNew(absl::string_view(sent->second.data(), sent->second.size()));
}

}  // namespace gitops
