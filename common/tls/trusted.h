#ifndef GITOPS_COMMON_TLS_TRUSTED_H_
#define GITOPS_COMMON_TLS_TRUSTED_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// Which authorities to trust, when a server that is not trusted with that offers some. All texts
// are PEM. Any thread. INVALID_ARGUMENT: a text is damaged.

// Those of `offered` that are in `trusted`, or for which one of these vouches by a certificate of
// `links` that it signed: so a new root reaches hosts through a planner, which cannot add one of
// its own, also if its key was stolen with its issuing authority. FAILED_PRECONDITION: there is
// none.
absl::StatusOr<std::string> TrustedAuthorities(absl::string_view offered, absl::string_view links,
                                               absl::string_view trusted, absl::Time now);

// The one of `offered` whose SHA-256 fingerprint (hex) is `sha256`. FAILED_PRECONDITION: there is
// none; the message has the fingerprints that were found.
absl::StatusOr<std::string> PinnedAuthority(absl::string_view offered, absl::string_view sha256);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_TRUSTED_H_
