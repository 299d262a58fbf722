#ifndef GITOPS_CTL_CLI_HOST_ADDRESS_H_
#define GITOPS_CTL_CLI_HOST_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops::ctl {

// Completes the text after the @ of an @HOST word: "web1" is "web1:8004", "::1" and "[::1]" are
// "[::1]:8004", "unix:/run/agent.sock" stays. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<std::string> ParseHostAddress(absl::string_view text);

// Whether that text is a name without a port, other than localhost.
bool IsHostName(absl::string_view text);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_HOST_ADDRESS_H_
