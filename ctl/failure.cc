#include "ctl/failure.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/rpc/error.h"
#include "common/rpc/peer.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr char kHint[] = "gitopsctl/hint";

// "NOT_FOUND", "FAILED_PRECONDITION: HOST_LOCKED".
std::string CodeAndReason(const absl::Status& failure) {
  const std::string code = absl::StatusCodeToString(failure.code());
  const std::string reason = ReasonName(failure);
  return reason == code ? code : absl::StrCat(code, ": ", EscapeLine(reason));
}

std::string HintOf(const absl::Status& failure) {
  const absl::optional<absl::Cord> hint = failure.GetPayload(kHint);
  if (hint.has_value()) return std::string(*hint);
  return ExitCodeOf(failure) == kTimedOut ? "--timeout sets another limit" : "";
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& failure) {
  switch (ReasonOf(failure)) {
    case Reason::kInvalidArgument:
    case Reason::kWholeFleet:
      return kUsage;
    case Reason::kUnauthenticated:
    case Reason::kPermissionDenied:
    case Reason::kPlannerUnreachable:
    case Reason::kPromotionReceiverUnreachable:
      return kUnreachable;
    case Reason::kDeadlineExceeded:
      return kTimedOut;
    default:
      return IsUnreachable(failure) ? kUnreachable : kFailed;
  }
}

std::string FailureText(absl::string_view doing, const absl::Status& failure) {
  std::string text = "gitopsctl: ";
  if (!doing.empty()) absl::StrAppend(&text, doing, ": ");
  absl::StrAppend(&text, EscapeLine(failure.message()));
  // A usage error says all there is to say; its code would only be noise.
  if (ExitCodeOf(failure) != kUsage) {
    absl::StrAppend(&text, failure.message().empty() ? "" : " ", "(", CodeAndReason(failure), ")");
  }
  if (const std::string hint = HintOf(failure); !hint.empty()) {
    absl::StrAppend(&text, "; ", EscapeLine(hint));
  }
  return text;
}

absl::Status WithHint(absl::Status failure, absl::string_view hint) {
  failure.SetPayload(kHint, absl::Cord(hint));
  return failure;
}

absl::Status FailedMove(absl::Status failure) {
  if (ExitCodeOf(failure) != kTimedOut) return failure;
  return WithHint(std::move(failure), "what has begun goes on; --timeout sets another limit");
}

absl::StatusOr<ExitCode> EndOfWatch(const absl::Status& printed, const absl::Status& watched) {
  if (!printed.ok()) return printed;
  if (HasReason(watched, Reason::kDeadlineExceeded)) {
    return absl::DeadlineExceededError("the watch is over");
  }
  if (!watched.ok()) return watched;
  return kDone;
}

}  // namespace gitops::ctl
