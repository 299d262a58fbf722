#ifndef GITOPS_COMMON_TLS_AUTHORITY_FILES_H_
#define GITOPS_COMMON_TLS_AUTHORITY_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"
#include "common/tls/builder.h"

namespace gitops::tls {

// The files of an authority; authority.h describes them.
struct AuthorityFiles {
  std::string authorities_pem;  // ca.crt
  std::string issuer_pem;       // issuer.crt; empty: a root
  std::string links_pem;        // links.pem; empty: there is none
  std::vector<Signer> signers;  // the newest first; at least one
};

// The key in the file, or a new one if there is no file. FAILED_PRECONDITION: other accounts can
// read it.
absl::StatusOr<Key> ReadOrMakeKey(const std::string& path);

absl::StatusOr<AuthorityFiles> ReadAuthority(const std::string& directory);

// Makes the directory if it is missing (mode 0700) and locks it until the result is closed.
absl::StatusOr<Fd> LockDirectory(const std::string& directory);

}  // namespace gitops::tls

#endif  // GITOPS_COMMON_TLS_AUTHORITY_FILES_H_
