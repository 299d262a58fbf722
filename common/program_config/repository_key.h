#ifndef GITOPS_COMMON_PROGRAM_CONFIG_REPOSITORY_KEY_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_REPOSITORY_KEY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Equal for URLs of the same repository: "git.example/acme/ops" for
// https://git.example/acme/ops.git, ssh://git@git.example:22/acme/ops and
// git@git.example:acme/ops.git. In lower case, without scheme, user, ".git", the port of ssh and
// git, and the default port of http and https. Of Azure DevOps, the form of https. A key stands for
// "look now" only: it must not decide who may do what. Also for globs of URLs, whose wildcards it
// keeps.
std::string RepositoryKey(absl::string_view url);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_REPOSITORY_KEY_H_
