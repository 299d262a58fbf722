#ifndef GITOPS_COMMON_GIT_URL_H_
#define GITOPS_COMMON_GIT_URL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Checks and redacts URLs of Git upstreams and of HTTP endpoints, which follow the same rules. Pure
// functions of the text.

// OK if git can use `url` without running a program that the URL names. INVALID_ARGUMENT says what
// is wrong and what to write, with the URL redacted.
absl::Status CheckUpstreamUrl(absl::string_view url);
// The same for URLs that must be https:// or http://.
absl::Status CheckHttpUrl(absl::string_view url);

// `url` without user, password, query and fragment, safe to print.
std::string RedactUrl(absl::string_view url);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_URL_H_
