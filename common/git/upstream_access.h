#ifndef GITOPS_COMMON_GIT_UPSTREAM_ACCESS_H_
#define GITOPS_COMMON_GIT_UPSTREAM_ACCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/git/upstream.h"

namespace gitops {

// The parts of an upstream's URL. Only the non-secret parts go on git's command lines (git passes
// URLs to its helpers as arguments, which every local user can read); the rest goes into a file.
struct UpstreamAccess {
  std::string scheme;     // "file", "http", "https", "ssh" or "git": the one protocol git may use
  std::string url;        // without password; over HTTP without user too
  std::string host;       // without port; empty for file
  std::string authority;  // HOST or HOST:PORT of a URL
  std::string login, password;  // of an HTTP URL; empty: none. Secret.
  std::string path;             // of a file upstream, absolute
  std::string name;             // for people
};

// FAILED_PRECONDITION: a URL that is not allowed (a remote helper such as ext::, a relative path, a
// control character). Messages are redacted.
absl::StatusOr<UpstreamAccess> ParseUpstream(const UpstreamSpec& spec);

// The complete configuration of git: it reads no other, except that of the repository. It is a file
// instead of -c options, because the upload-pack that git starts for a file upstream reads it too,
// and `ps` does not show it.
// `credentials`: the file for CredentialsFor.
std::string GitConfigFor(const UpstreamAccess& access, const UpstreamSpec& spec,
                         const std::string& credentials);

bool IsHttp(const UpstreamAccess& access);

// The ssh command, which a shell parses.
std::string SshCommandFor(const UpstreamSpec& spec);

// Refuses a private key that accounts other than its owner and group may read or write.
// FAILED_PRECONDITION. A key that is not there, or cannot be looked at, is left to ssh.
absl::Status CheckSshKey(const UpstreamSpec& spec);

// The login for exactly the upstream's scheme, host and port, in the form of `git
// credential-store`; empty: there is none. It is the URL's, or what netrc_file has for the host and
// for the URL's user (if it names one). FAILED_PRECONDITION: the configured netrc_file cannot be
// read; the message says why.
absl::StatusOr<std::string> CredentialsFor(const UpstreamAccess& access, const UpstreamSpec& spec);

// Refuses a local repository that borrows objects from another one: a user who can write to it
// could publish the content of the other repository. FAILED_PRECONDITION; NOT_FOUND: there is
// nothing at the path.
absl::Status CheckLocalUpstream(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_UPSTREAM_ACCESS_H_
