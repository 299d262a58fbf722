#include "common/rpc/status.h"

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// gRPC percent-encodes a message into a header, and a peer refuses more than 8 KiB of headers; the
// call would then fail with another error than ours.
constexpr size_t kMaxEncodedMessage = 6000;
constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr absl::string_view kEllipsis = "\xE2\x80\xA6";     // …

size_t EncodedSize(absl::string_view sequence) {
  const bool plain =
      sequence.size() == 1 && sequence[0] >= ' ' && sequence[0] <= '~' && sequence[0] != '%';
  return plain ? 1 : 3 * sequence.size();
}

std::string Sendable(absl::string_view message) {
  std::string result;
  size_t encoded = 0;
  while (!message.empty()) {
    const size_t length = Utf8SequenceLength(message);
    const absl::string_view piece = length == 0 ? kReplacement : message.substr(0, length);
    encoded += EncodedSize(piece);
    if (encoded > kMaxEncodedMessage) return result.append(kEllipsis.data(), kEllipsis.size());
    result.append(piece.data(), piece.size());
    message.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Sendable(status.message()));
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // A code that the protocol does not define can come from a foreign peer.
  const int code = status.error_code();
  const bool known = code > 0 && code <= grpc::StatusCode::UNAUTHENTICATED;
  return absl::Status(known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                      status.error_message());
}

}  // namespace gitops
