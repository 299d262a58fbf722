#ifndef GITOPS_COMMON_CONFIG_DURATION_H_
#define GITOPS_COMMON_CONFIG_DURATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// A duration as "90s", "1m30s", "200ms", "2h", or a plain number of seconds ("1.5"); never negative
// or infinite. INVALID_ARGUMENT names the text.
absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text);

// The shortest text with a unit that ParseDurationText parses back.
std::string FormatDurationText(absl::Duration duration);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_DURATION_H_
