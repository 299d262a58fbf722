#ifndef GITOPS_AGENT_NIX_STORE_PATH_H_
#define GITOPS_AGENT_NIX_STORE_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// OK if `path` names exactly one object of the store: STORE/HASH-NAME with 32 characters of Nix's
// base 32, and a name of at most 211 characters as Nix allows them. INVALID_ARGUMENT says what is
// wrong, with the path escaped. `store` has no slash at its end ("/nix/store").
absl::Status CheckStorePath(absl::string_view path, absl::string_view store);

// The hash of a path that CheckStorePath accepts, as 40 hex digits: as Nix prints it in base 16. It
// names the revision of a service, as a commit does.
std::string RevisionOf(absl::string_view path, absl::string_view store);

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_STORE_PATH_H_
