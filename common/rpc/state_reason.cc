#include "common/rpc/state_reason.h"

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace gitops {

absl::Status WithStateReason(StateReason reason, absl::Status status) {
  if (reason != StateReason::kNone && StateReasonOf(status) == StateReason::kNone) {
    status.SetPayload(kStateReasonPayload, absl::Cord(absl::StrCat(static_cast<int>(reason))));
  }
  return status;
}

StateReason StateReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kStateReasonPayload);
  int number = 0;
  const bool known = payload.has_value() && absl::SimpleAtoi(std::string(*payload), &number);
  return known ? static_cast<StateReason>(number) : StateReason::kNone;
}

absl::Status FileStatus(int error, absl::string_view message) {
  const bool disk = error == ENOSPC || error == EDQUOT || error == EIO || error == EROFS;
  return WithStateReason(disk ? StateReason::kDisk : StateReason::kNone,
                         absl::ErrnoToStatus(error, message));
}

}  // namespace gitops
