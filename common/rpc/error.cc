#include "common/rpc/error.h"

#include <algorithm>

#include "common/clock/timestamp.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr size_t kMaxValue = 256;
constexpr size_t kMaxField = 200;
constexpr size_t kMaxDescription = 500;

void Add(const ErrorMetadata& metadata, google::rpc::ErrorInfo& info) {
  for (const auto& [key, value] : metadata) {
    info.mutable_metadata()->insert({key, ValidUtf8(value, kMaxValue)});
  }
}

}  // namespace

absl::Status MakeError(Reason reason, absl::string_view message, const ErrorMetadata& metadata) {
  absl::Status error(InfoOf(reason).code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(InfoOf(reason).name));
  info.set_domain(std::string(kErrorDomain));
  Add(metadata, info);
  SetDetail(info, error);
  if (InfoOf(reason).retry_seconds > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(InfoOf(reason).retry_seconds);
    SetDetail(retry, error);
  }
  return error;
}

absl::Status InvalidField(absl::string_view field, absl::string_view message) {
  absl::Status error = MakeError(Reason::kInvalidArgument, message);
  AddFieldViolation(field, message, error);
  return error;
}

void AddFieldViolation(absl::string_view field, absl::string_view description,
                       absl::Status& error) {
  google::rpc::BadRequest bad = BadRequestOf(error);
  google::rpc::BadRequest::FieldViolation& violation = *bad.add_field_violations();
  violation.set_field(ValidUtf8(field, kMaxField));
  violation.set_description(ValidUtf8(description, kMaxDescription));
  SetDetail(bad, error);
}

absl::Status WithMessage(const absl::Status& error, absl::string_view message) {
  absl::Status result(error.code(), message);
  // Deep copies: an error and its copy may belong to different threads, and thread sanitizer cannot
  // see how Abseil's library shares the data of a Cord.
  error.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, absl::Cord(std::string(payload)));
  });
  return result;
}

absl::Status WithMetadata(absl::Status error, const ErrorMetadata& metadata) {
  google::rpc::ErrorInfo info = ErrorInfoOf(error);
  Add(metadata, info);
  SetDetail(info, error);
  return error;
}

google::rpc::ErrorInfo ErrorInfoOf(const absl::Status& error) {
  auto info = DetailOf<google::rpc::ErrorInfo>(error);
  if (info.has_value() && !info->reason().empty()) return *std::move(info);
  google::rpc::ErrorInfo generic;
  generic.set_reason(std::string(InfoOf(GenericReason(error.code())).name));
  generic.set_domain(std::string(kErrorDomain));
  return generic;
}

Reason ReasonOf(const absl::Status& error) {
  const google::rpc::ErrorInfo info = ErrorInfoOf(error);
  const absl::Span<const ReasonInfo> all = AllReasons();
  const auto* const found = std::find_if(
      all.begin(), all.end(), [&](const ReasonInfo& row) { return row.name == info.reason(); });
  const bool known = found != all.end() && info.domain() == kErrorDomain;
  return known ? found->reason : GenericReason(error.code());
}

bool HasReason(const absl::Status& status, Reason reason) {
  return !status.ok() && ReasonOf(status) == reason;
}

std::string ReasonName(const absl::Status& status) {
  return status.ok() ? "" : ErrorInfoOf(status).reason();
}

ErrorMetadata MetadataOf(const absl::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  if (!info.has_value()) return {};
  return {info->metadata().begin(), info->metadata().end()};
}

google::rpc::BadRequest BadRequestOf(const absl::Status& status) {
  return DetailOf<google::rpc::BadRequest>(status).value_or(google::rpc::BadRequest());
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  if (!retry.has_value()) return std::nullopt;
  return FromDuration(retry->retry_delay());
}

}  // namespace gitops
