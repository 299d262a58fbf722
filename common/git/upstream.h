#ifndef GITOPS_COMMON_GIT_UPSTREAM_H_
#define GITOPS_COMMON_GIT_UPSTREAM_H_

#include <string>

namespace gitops {

// A Git repository and the credentials for it. The paths are absolute; an empty one means none.
struct UpstreamSpec {
  std::string url;  // as for git; may contain a password: print RedactUrl(url) instead
  std::string ssh_key;
  std::string known_hosts;
  std::string netrc_file;
  std::string ca_file;

  auto operator<=>(const UpstreamSpec&) const = default;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_UPSTREAM_H_
