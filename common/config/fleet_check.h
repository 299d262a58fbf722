#ifndef GITOPS_COMMON_CONFIG_FLEET_CHECK_H_
#define GITOPS_COMMON_CONFIG_FLEET_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Checks of the values of a fleet config. All are functions of the text alone: they look up nothing
// on the machine. INVALID_ARGUMENT says what was found, why it is wrong and what to write; the
// caller adds file, line and key.

// A unit name without '/', since <mount>/<service> is a directory.
absl::Status CheckServiceName(absl::string_view name);
absl::Status CheckHostName(absl::string_view name);
absl::Status CheckUserName(absl::string_view user);
// The name of a user or group, or its number.
absl::Status CheckOwner(absl::string_view owner);
absl::Status CheckPackage(absl::string_view package);
absl::Status CheckPermissions(absl::string_view octal);
// "job", "jobset" or "aggregate:NAME".
absl::Status CheckRequire(absl::string_view require);
// A profile's name below /nix/var/nix/profiles, or an absolute path.
absl::Status CheckProfile(absl::string_view profile);

// `path` without double and trailing slashes. INVALID_ARGUMENT: it is not absolute, or contains "."
// or "..".
absl::StatusOr<std::string> NormalizeAbsolutePath(absl::string_view path);
// NormalizeAbsolutePath for a path to publish to: refuses directories whose replacement would break
// the host.
absl::StatusOr<std::string> NormalizeLocal(absl::string_view path);
// The plain relative form of a path in the repository: "" and "/" become "."; a leading "./",
// double and trailing slashes are removed.
absl::StatusOr<std::string> NormalizeLink(absl::string_view path);
// HOST:PORT, with the agent's default port if there is none. "unix:PATH" is unchanged.
absl::StatusOr<std::string> NormalizeAddress(absl::string_view address);

// Whether `inner` is `outer` or below it. Both must be normalized.
bool IsAtOrBeneath(absl::string_view inner, absl::string_view outer);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_CHECK_H_
