#ifndef GITOPS_COMMON_GIT_UPSTREAM_H_
#define GITOPS_COMMON_GIT_UPSTREAM_H_

#include <cstdint>
#include <string>

namespace gitops {

// A Git repository and the credentials for it. The paths are absolute; an empty one means none.
struct UpstreamSpec {
  std::string url;  // as for git; may contain a password: print RedactUrl(url) instead
  std::string ssh_key;
  std::string known_hosts;
  std::string netrc_file;
  std::string ca_file;
  // Of http and https upstreams, as http.proxy of git: may contain a password. Empty: this
  // program's environment decides.
  std::string proxy;
  // The address space of a git process in bytes. 0: a quarter of the machine's memory, at least 512
  // MiB and at most 2 GiB.
  int64_t git_memory = 0;

  auto operator<=>(const UpstreamSpec&) const = default;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_UPSTREAM_H_
