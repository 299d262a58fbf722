#include "ctl/client/failure.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "common/rpc/error.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr char kExitCode[] = "gitopsctl/exit-code";
constexpr char kHint[] = "gitopsctl/hint";

// "NOT_FOUND", "FAILED_PRECONDITION: HOST_LOCKED".
std::string CodeAndReason(const absl::Status& failure) {
  const std::string code = absl::StatusCodeToString(failure.code());
  const std::string reason = ReasonName(failure);
  return reason == code ? code : absl::StrCat(code, ": ", EscapeLine(reason));
}

}  // namespace

absl::Status WithExitCode(absl::Status status, ExitCode code) {
  status.SetPayload(kExitCode, absl::Cord(absl::StrCat(static_cast<int>(code))));
  return status;
}

absl::Status WithHint(absl::Status status, absl::string_view hint) {
  status.SetPayload(kHint, absl::Cord(hint));
  return status;
}

absl::Status WatchIsOver() {
  return absl::DeadlineExceededError("the watch is over, as --timeout says");
}

ExitCode ExitCodeOf(const absl::Status& failure) {
  int code = 0;
  if (const absl::optional<absl::Cord> attached = failure.GetPayload(kExitCode);
      attached.has_value() && absl::SimpleAtoi(std::string(*attached), &code)) {
    return static_cast<ExitCode>(code);
  }
  switch (failure.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kUnreachable;
    case absl::StatusCode::kDeadlineExceeded:
      return kTimedOut;
    default:
      return kFailed;
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
  if (const absl::optional<absl::Cord> hint = failure.GetPayload(kHint); hint.has_value()) {
    absl::StrAppend(&text, "; ", EscapeLine(std::string(*hint)));
  }
  return text;
}

}  // namespace gitops::ctl
