#include "common/rpc/status.h"

#include <google/protobuf/io/coded_stream.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

using google::protobuf::io::CodedOutputStream;
using google::rpc::BadRequest;
using google::rpc::ErrorInfo;

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr absl::string_view kEllipsis = "\xE2\x80\xA6";     // …
constexpr size_t kEncodedEllipsis = 9;
// A tag and a length of up to 16 KiB.
constexpr size_t kFieldOverhead = 3;
// A detail around its type URL and value.
constexpr size_t kDetailOverhead = 3 * kFieldOverhead;
// The size of the count of omitted violations in the metadata.
constexpr size_t kCountBytes = 48;

size_t EncodedSize(absl::string_view sequence) {
  const bool plain =
      sequence.size() == 1 && sequence[0] >= ' ' && sequence[0] <= '~' && sequence[0] != '%';
  return plain ? 1 : 3 * sequence.size();
}

std::string Sendable(absl::string_view message) {
  std::string result;
  size_t encoded = 0;
  size_t cut = 0;  // where an ellipsis still fits
  while (!message.empty()) {
    const size_t length = Utf8SequenceLength(message);
    const absl::string_view piece = length == 0 ? kReplacement : message.substr(0, length);
    encoded += EncodedSize(piece);
    if (encoded > kMaxEncodedMessage) return absl::StrCat(result.substr(0, cut), kEllipsis);
    result.append(piece.data(), piece.size());
    if (encoded + kEncodedEllipsis <= kMaxEncodedMessage) cut = result.size();
    message.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

google::protobuf::Any ToAny(absl::string_view url, std::string value) {
  google::protobuf::Any any;
  any.set_type_url(std::string(url));
  any.set_value(std::move(value));
  return any;
}

// A google.rpc.Status that grows up to a size limit.
class Fitting {
 public:
  Fitting(const absl::Status& status, size_t limit) : limit_(limit) {
    result_.set_code(static_cast<int>(status.code()));
    result_.set_message(Sendable(status.message()));
  }

  size_t room() const {
    const size_t size = result_.ByteSizeLong();
    return size < limit_ ? limit_ - size : 0;
  }
  bool Add(absl::string_view url, std::string value) {
    *result_.add_details() = ToAny(url, std::move(value));
    if (result_.ByteSizeLong() <= limit_) return true;
    result_.mutable_details()->RemoveLast();
    return false;
  }
  google::rpc::Status Take() { return std::move(result_); }

 private:
  const size_t limit_;
  google::rpc::Status result_;
};

// The first violations, as many as fit into `room` bytes.
BadRequest Cut(const BadRequest& whole, size_t room) {
  BadRequest cut;
  size_t size = DetailUrl<BadRequest>().size() + kDetailOverhead;
  for (const auto& violation : whole.field_violations()) {
    const size_t bytes = violation.ByteSizeLong();
    size += 1 + CodedOutputStream::VarintSize32(bytes) + bytes;
    if (size > room) break;
    *cut.add_field_violations() = violation;
  }
  return cut;
}

void AddReason(const ErrorInfo& info, Fitting& fitting) {
  if (fitting.Add(DetailUrl<ErrorInfo>(), info.SerializeAsString())) return;
  ErrorInfo reason = info;  // of a peer that sent too much metadata
  reason.clear_metadata();
  fitting.Add(DetailUrl<ErrorInfo>(), reason.SerializeAsString());
}

// The violations that fit, after the reason with the number of omitted ones.
void AddReasonAndViolations(const absl::Status& status, Fitting& fitting) {
  ErrorInfo info = ErrorInfoOf(status);
  const BadRequest whole = BadRequestOf(status);
  const size_t taken =
      info.ByteSizeLong() + DetailUrl<ErrorInfo>().size() + kDetailOverhead + kCountBytes;
  const size_t room = fitting.room();
  const BadRequest cut = Cut(whole, room > taken ? room - taken : 0);
  const int left_out = whole.field_violations_size() - cut.field_violations_size();
  if (left_out > 0) (*info.mutable_metadata())[kViolationsLeftOut] = absl::StrCat(left_out);
  AddReason(info, fitting);
  if (cut.field_violations_size() == 0) return;
  fitting.Add(DetailUrl<BadRequest>(), cut.SerializeAsString());
}

}  // namespace

google::rpc::Status ToStatusProto(const absl::Status& status, size_t max_bytes) {
  Fitting fitting(status, max_bytes);
  if (status.ok()) return fitting.Take();
  std::vector<google::protobuf::Any> others;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    if (url == DetailUrl<ErrorInfo>() || url == DetailUrl<BadRequest>()) return;
    if (url == kStateReasonPayload) return;
    others.push_back(ToAny(url, std::string(payload)));
  });
  AddReasonAndViolations(status, fitting);
  for (const google::protobuf::Any& other : others) fitting.Add(other.type_url(), other.value());
  return fitting.Take();
}

absl::Status FromStatusProto(const google::rpc::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  // A foreign peer may send a code that the protocol does not define.
  const bool known = status.code() > 0 && status.code() <= grpc::StatusCode::UNAUTHENTICATED;
  absl::Status result(
      known ? static_cast<absl::StatusCode>(status.code()) : absl::StatusCode::kUnknown,
      status.message());
  for (const google::protobuf::Any& detail : status.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

grpc::Status ToGrpcStatus(const absl::Status& status, size_t max_details) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status sent = ToStatusProto(status, max_details);
  return grpc::Status(static_cast<grpc::StatusCode>(sent.code()), sent.message(),
                      sent.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  google::rpc::Status sent;
  if (!sent.ParseFromString(status.error_details()) || sent.code() != status.error_code()) {
    sent.Clear();
  }
  sent.set_code(status.error_code());
  sent.set_message(status.error_message());
  return FromStatusProto(sent);
}

}  // namespace gitops
