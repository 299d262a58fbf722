#ifndef GITOPS_COMMON_GIT_NETRC_H_
#define GITOPS_COMMON_GIT_NETRC_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// A user and password. Secret.
struct Login {
  std::string user, password;
};

// What the content of a .netrc file has for `host`: its first entry for that name, or the default
// one; of those only one for `user`, unless that is empty. A netrc has no ports.
std::optional<Login> LoginIn(absl::string_view netrc, absl::string_view host,
                             absl::string_view user);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_NETRC_H_
