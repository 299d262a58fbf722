#ifndef GITOPS_COMMON_RPC_STATE_REASON_H_
#define GITOPS_COMMON_RPC_STATE_REASON_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Why a service cannot be reconciled: set where the error is made, as a payload of its status,
// which stays on this host. Numbered as gitops.v1.StateReason.
enum class StateReason {
  kNone,
  kStarting,
  kUpstreamUnreachable,
  kAuthentication,
  kRefusedContent,
  kDrift,
  kInTheWay,
  kDisk,
};

inline constexpr absl::string_view kStateReasonPayload = "gitops/state-reason";

// `status` with the reason, unless it is OK or has one.
absl::Status WithStateReason(StateReason reason, absl::Status status);
// kNone: it has none.
StateReason StateReasonOf(const absl::Status& status);

// absl::ErrnoToStatus for files that a service needs: a disk that is full or fails is the reason.
absl::Status FileStatus(int error, absl::string_view message);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_STATE_REASON_H_
