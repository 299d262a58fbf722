#ifndef GITOPS_COMMON_TLS_NEXT_FILES_H_
#define GITOPS_COMMON_TLS_NEXT_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/log/secret.h"
#include "common/tls/identity.h"
#include "common/tls/material.h"

namespace gitops {

// Replaces the files of a --tls-dir together: after a crash at any point they are the old ones or
// the new ones, once FinishNext() was called. Until they are complete, the new ones have the names
// tls.key.next, ca.crt.next and tls.crt.next. One process at a time. Errors by errno; messages name
// the file and have nothing of the key.

// The key for the next certificate, mode 0600. It is made once and kept until TakeNext(), so that a
// repeated request is for the same key. FAILED_PRECONDITION: other accounts can read it.
absl::StatusOr<Secret> NextKey(const std::string& directory);

// Puts the certificate for that key in force, and `authorities_pem` as ca.crt. The old files stay
// if this fails. INVALID_ARGUMENT, FAILED_PRECONDITION: as LoadMaterial says of files that do not
// belong together, or the certificate is of somebody else than `holder`.
absl::StatusOr<CertificateInfo> TakeNext(const std::string& directory,
                                         const std::string& authorities_pem,
                                         const std::string& chain_pem, const Identity& holder,
                                         absl::Time now);

// Ends a TakeNext() that was interrupted after everything was written. Call it before the files are
// used. Does nothing if there is nothing to do.
absl::Status FinishNext(const std::string& directory);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_NEXT_FILES_H_
