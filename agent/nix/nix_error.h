#ifndef GITOPS_AGENT_NIX_NIX_ERROR_H_
#define GITOPS_AGENT_NIX_NIX_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What a program of Nix printed on standard error before it failed, as an error; see Nix for its
// codes. `attempted` says what was to be done, on what.
absl::Status NixError(const std::string& attempted, int exit_status,
                      absl::string_view error_output);

// The last lines of a program's output, escaped, at most `most` bytes, without empty ones.
std::string LastLines(absl::string_view output, size_t most);

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_NIX_ERROR_H_
