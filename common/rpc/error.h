#ifndef GITOPS_COMMON_RPC_ERROR_H_
#define GITOPS_COMMON_RPC_ERROR_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "google/rpc/error_details.pb.h"

namespace gitops {

// The errors of the API: an absl::Status with google.rpc messages as payloads under their type
// URLs. common/rpc/status.h converts them for the wire. Programs tell errors apart by reason, never
// by message.

// Why a call failed. The rows of the table in error_reasons.cc are in this order, and
// docs/reference/api.md has the same table.
enum class Reason {
  // Generic reasons, named like their codes.
  kCancelled,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
  // The named thing does not exist.
  kHostUnknown,
  kNoHostSelected,
  kServiceUnknown,
  kRevisionUnknown,
  kBranchUnknown,
  kPlanUnknown,
  kDeploymentUnknown,
  kHostNotLocked,
  kPipelineUnknown,
  kEnvironmentUnknown,
  kPromotionUnknown,
  // The request would affect more than it names.
  kWholeFleet,
  // The current state forbids the call.
  kRevisionAmbiguous,
  kServiceFrozen,
  kServiceNotCoordinated,
  kNothingPublished,
  kHostLocked,
  kPlanStale,
  kHookStopped,
  kNoHookDispatcher,
  kDeploymentNotEnded,
  kDeploymentEnded,
  kNothingToResume,
  kNothingToRollBack,
  kNothingToSync,
  kFencingStale,
  kFencingAhead,
  kNixMissing,
  kNotInOwnConfig,
  kSuperseded,
  kHostLost,
  kOperationInterrupted,
  kOperationIdReused,
  kRequestIdReused,
  kHostTaken,
  kEventMalformed,
  kSignatureInvalid,
  kSigningKeyMissing,
  kEventStale,
  kSignatureReused,
  kEventEnvironmentUnknown,
  kObjectMismatch,
  kEventWithoutRevision,
  kLastEnvironment,
  kNoTargets,
  kNothingWaits,
  kSoakNotOver,
  kPromotionNotEnded,
  // A limit is reached.
  kTooManyCalls,
  kTooManyWatchers,
  kTooManyDeployments,
  kTooManyAgents,
  kReportTooLarge,
  kTooManyRequestIds,
  kPlanTooLarge,
  kRateLimited,
  // A retry may help.
  kServerStarting,
  kServerStopping,
  kHostUnreachable,
  kUpstreamUnreachable,
  kHookDispatcherUnreachable,
  kPlannerUnreachable,
  kPromotionReceiverUnreachable,
  kAuditUnavailable,
};

struct ReasonInfo {
  Reason reason;
  absl::string_view name;  // as in ErrorInfo.reason
  absl::StatusCode code;
  int http_status;
  absl::string_view description;
  int retry_seconds = 0;  // when to retry; 0: unknown
};

// Every reason, in the order of the enum.
absl::Span<const ReasonInfo> AllReasons();
const ReasonInfo& InfoOf(Reason reason);
// The generic reason of a code. Not for OK.
Reason GenericReason(absl::StatusCode code);

inline constexpr absl::string_view kErrorDomain = "gitops";

// The type URL under which a message is a payload of an absl::Status and a detail of a
// google.rpc.Status.
template <typename Message>
std::string DetailUrl() {
  return absl::StrCat("type.googleapis.com/", Message::descriptor()->full_name());
}

// What an error concerns: "host", "service", "revision", "hook", "point", "deployment", "actor"…
// Values longer than 256 bytes are cut. Never a secret.
using ErrorMetadata = std::map<std::string, std::string>;

// An error with the code of the reason, and with RetryInfo if the table has a delay.
absl::Status MakeError(Reason reason, absl::string_view message,
                       const ErrorMetadata& metadata = {});

// INVALID_ARGUMENT because of one field of the request. `field` is a path such as "rollout.batch"
// or "actions[2]"; the violation's description is the message.
absl::Status InvalidField(absl::string_view field, absl::string_view message);
// Adds a violation to an error. Does nothing to OK.
void AddFieldViolation(absl::string_view field, absl::string_view description, absl::Status& error);

// The same error with another message, for example to put text before it.
absl::Status WithMessage(const absl::Status& error, absl::string_view message);
// The same error with more metadata; an existing key keeps its value. An error without a reason
// gets the generic one.
absl::Status WithMetadata(absl::Status error, const ErrorMetadata& metadata);

// Adds a detail of any type under its type URL; replaces an existing one.
template <typename Message>
void SetDetail(const Message& detail, absl::Status& error) {
  error.SetPayload(DetailUrl<Message>(), absl::Cord(detail.SerializeAsString()));
}
// None if there is no such detail, or it is damaged.
template <typename Message>
std::optional<Message> DetailOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(DetailUrl<Message>());
  Message detail;
  if (!payload.has_value() || !detail.ParseFromString(std::string(*payload))) return std::nullopt;
  return detail;
}

// The reason of an error, or the generic reason of its code if it has none that this program knows.
// Not for OK.
Reason ReasonOf(const absl::Status& error);
// False for OK.
bool HasReason(const absl::Status& status, Reason reason);
// The reason as the peer sent it, even if this program does not know it. Empty for OK.
std::string ReasonName(const absl::Status& status);
ErrorMetadata MetadataOf(const absl::Status& status);
google::rpc::BadRequest BadRequestOf(const absl::Status& status);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);
// The whole ErrorInfo, with the generic reason if the error has none. Not for OK.
google::rpc::ErrorInfo ErrorInfoOf(const absl::Status& error);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_ERROR_H_
