#ifndef GITOPS_COMMON_TLS_VERIFY_H_
#define GITOPS_COMMON_TLS_VERIFY_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/tls/openssl.h"

namespace gitops::tls {

// Whether the first certificate of `chain` leads to one of `authorities` through the rest, as a TLS
// peer decides it: signatures, dates, name constraints, use by clients and by servers.
// FAILED_PRECONDITION: it does, but not at `now`. INVALID_ARGUMENT: otherwise. The message is the
// cause only.
absl::Status VerifyChain(const std::vector<Certificate>& chain,
                         const std::vector<Certificate>& authorities, absl::Time now);

// The same for a certificate of an authority itself.
absl::Status VerifyAuthority(X509* authority, const std::vector<Certificate>& between,
                             const std::vector<Certificate>& authorities, absl::Time now);

}  // namespace gitops::tls

#endif  // GITOPS_COMMON_TLS_VERIFY_H_
