#ifndef GITOPS_COMMON_TLS_AUTHORITY_REQUESTS_H_
#define GITOPS_COMMON_TLS_AUTHORITY_REQUESTS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/tls/authority.h"
#include "common/tls/builder.h"

namespace gitops::tls {

// INVALID_ARGUMENT says what an authority cannot certify.
absl::Status CheckOptions(const AuthorityOptions& options);
absl::Status CheckRequest(const LeafRequest& request);

// From 5 minutes ago on, for clocks that are slow.
Validity ValidityOf(int days, absl::Time now);
// Ends with the certificate of `signer` at the latest.
Validity Within(Validity validity, const Signer& signer);

}  // namespace gitops::tls

#endif  // GITOPS_COMMON_TLS_AUTHORITY_REQUESTS_H_
