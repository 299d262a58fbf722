#ifndef GITOPS_COMMON_GIT_URL_H_
#define GITOPS_COMMON_GIT_URL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Checks and redacts URLs of Git upstreams and of HTTP endpoints, which follow the same rules. Pure
// functions of the text.

// What git needs of the URL of an upstream.
struct GitUrl {
  std::string scheme;  // "https", "http", "ssh", "git" or "file"
  // Of http and https: decoded, secret. Of others the user's name is in `plain`, and a password is
  // nowhere.
  std::string user, password;
  std::string authority;  // HOST or HOST:PORT as it was written; empty for file and user@host:path
  std::string host;       // without brackets and port; empty for file
  std::string path;       // of a file: absolute, on this machine
  std::string plain;      // the URL for git, without password; over HTTP without user too
};

// The one parser of upstreams: URLs, user@host:path in all forms that git takes, absolute paths.
// INVALID_ARGUMENT says what is wrong and what to write, with the URL redacted.
absl::StatusOr<GitUrl> ParseGitUrl(absl::string_view url);

// OK if git can use `url` without running a program that the URL names. INVALID_ARGUMENT says what
// is wrong and what to write, with the URL redacted.
absl::Status CheckUpstreamUrl(absl::string_view url);
// The same for URLs that must be https:// or http://.
absl::Status CheckHttpUrl(absl::string_view url);

// The same for the proxy of an upstream: SCHEME://[USER:PASSWORD@]HOST[:PORT].
absl::Status CheckProxyUrl(absl::string_view url);

// `url` without user, password, query and fragment, safe to print.
std::string RedactUrl(absl::string_view url);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_URL_H_
