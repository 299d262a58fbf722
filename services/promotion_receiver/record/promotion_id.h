#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_ID_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_ID_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// "20261122-221530-k7q2": the second in UTC, and its microsecond in base 32. Ids sort as the times
// do.
std::string PromotionId(int64_t unix_micros);
// None: not such an id.
std::optional<int64_t> PromotionIdMicros(absl::string_view id);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_ID_H_
