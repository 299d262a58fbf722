#ifndef GITOPS_COMMON_GIT_UPSTREAM_ACCESS_H_
#define GITOPS_COMMON_GIT_UPSTREAM_ACCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/upstream.h"

namespace gitops {

// An upstream's URL taken apart, so that git can be given what is not secret on its command lines
// (git hands URLs to its helpers as arguments, which everyone on the host can read), and the rest
// in a file.
struct UpstreamAccess {
  std::string scheme;  // "file", "http", "https", "ssh" or "git": the one protocol git may use
  std::string url;     // without password; over HTTP without user too
  std::string host;    // without port; empty for file
  std::string login, password;  // of an HTTP URL; empty: none. Secret.
  std::string path;             // of a file upstream, absolute
  std::string name;             // for people
};

// FAILED_PRECONDITION: not a URL that git may be given (a remote helper such as ext::, a relative
// path, a control character). Messages are redacted.
absl::StatusOr<UpstreamAccess> ParseUpstream(const UpstreamSpec& spec);

// The whole configuration that git gets: it reads no other, except the mirror's own. A file rather
// than -c options, because the upload-pack that git starts for a file upstream gets it too, and
// `ps` does not show it.
std::string GitConfigFor(const UpstreamAccess& access, const UpstreamSpec& spec);

// What ssh is started with; a shell takes it apart.
std::string SshCommandFor(const UpstreamSpec& spec);

// The .netrc that curl reads in git's HOME; empty if there is nothing to put there.
// FAILED_PRECONDITION: the configured netrc_file cannot be read.
absl::StatusOr<std::string> NetrcFor(const UpstreamAccess& access, const UpstreamSpec& spec);

// Refuses a repository on this host's disk that borrows objects from elsewhere: whoever may write
// to it could have another repository's content published. FAILED_PRECONDITION; NOT_FOUND: there is
// nothing at the path.
absl::Status CheckLocalUpstream(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_UPSTREAM_ACCESS_H_
