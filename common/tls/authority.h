#ifndef GITOPS_COMMON_TLS_AUTHORITY_H_
#define GITOPS_COMMON_TLS_AUTHORITY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/secret.h"
#include "common/tls/identity.h"
#include "common/tls/issued.h"

namespace gitops {

struct AuthorityOptions {
  std::string name = "gitops CA";  // of at most 48 bytes; 8 digits of the key's hash are added
  int days = 3650;
};

struct LeafRequest {
  Identity identity;
  std::vector<std::string> dns_names, addresses;
  int days = 90;  // less if the authority itself expires earlier
};

struct IssuedMaterial {
  std::string authorities_pem;  // ca.crt
  std::string links_pem;        // see TrustedAuthorities; empty: there are none
  std::string chain_pem;        // tls.crt: the certificate, then those that lead to ca.crt
  Secret key_pem;               // tls.key; empty if the key is the requester's
  IssuedCertificate certificate;
};

// A private certificate authority in a directory:
//   ca.crt       who is trusted: the root, and while it is replaced the next one, the newest first
//   ca.key       the keys of these, in the same order; mode 0600
//   issuer.crt, issuer.key
//                only of an issuing authority for agents (AddIssuer), which has no ca.key
//   links.pem    of roots that replaced others: certificates by which one root vouches for another
//   issued.jsonl what was issued and revoked (IssuedLog)
//   crl.pem      the signed lists of revoked certificates, for the --tls-dir of every program
//
// Keys are P-256, signatures SHA-256. Several processes may work on one directory; any thread may
// use an object, which signs with the keys that it found when it was opened.
//
// Errors: INVALID_ARGUMENT: a request or file that cannot be used. FAILED_PRECONDITION: the state
// of the directory, or a request that this authority may not fulfil. Or by errno. Messages name the
// file and say what to do.
class CertificateAuthority {
 public:
  // ALREADY_EXISTS: the directory has an authority. A ca.key without ca.crt, as a crash leaves it,
  // gets a new ca.crt.
  static absl::Status Init(const std::string& directory, const AuthorityOptions& options,
                           absl::Time now);
  // Begins a new root beside the old: ca.crt trusts both, and the new one signs. Programs need the
  // new ca.crt before they meet a certificate of the new root.
  static absl::Status Rotate(const std::string& directory, const AuthorityOptions& options,
                             absl::Time now);
  // Ends it: ca.crt and ca.key keep the newest root only. FAILED_PRECONDITION: there is one only,
  // or somebody has no valid certificate of it; the message names some.
  static absl::Status Retire(const std::string& directory, absl::Time now);

  // NOT_FOUND: no authority there. FAILED_PRECONDITION: other accounts can read its key.
  static absl::StatusOr<CertificateAuthority> Open(const std::string& directory);

  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  // Makes a key and a certificate for it, which is valid from 5 minutes ago on, for clocks that are
  // slow.
  absl::StatusOr<IssuedMaterial> Issue(const LeafRequest& request, absl::Time now) const;
  // The same for a key of the requester, of which only the key is used: the names are those of
  // `request`. INVALID_ARGUMENT: `csr_pem` is damaged, not signed with its key, or the key is weak.
  absl::StatusOr<IssuedMaterial> Sign(absl::string_view csr_pem, const LeafRequest& request,
                                      absl::Time now) const;
  // The same for the key of an earlier certificate (PEM).
  absl::StatusOr<IssuedMaterial> IssueForKey(const Secret& key_pem, const LeafRequest& request,
                                             absl::Time now) const;

  // Makes `directory` an authority that can issue certificates of agents only, whatever it signs,
  // by its name constraints, and no further authorities. One that is there keeps its key, and what
  // it issued stays valid: so it is renewed, or follows a new root. `options.name` is for a new
  // one.
  absl::StatusOr<IssuedCertificate> AddIssuer(const std::string& directory,
                                              const AuthorityOptions& options,
                                              absl::Time now) const;

  // Revokes the certificate whose serial number begins with `which` (at least 8 digits), or all of
  // the holder "ROLE/NAME" that are valid, and writes crl.pem. Returns them. NOT_FOUND: there is
  // none that is not revoked. INVALID_ARGUMENT: more than one number begins so.
  absl::StatusOr<std::vector<IssuedCertificate>> Revoke(absl::string_view which,
                                                        absl::string_view reason,
                                                        absl::Time now) const;
  // What Revoke would revoke.
  absl::StatusOr<std::vector<IssuedCertificate>> FindValid(absl::string_view which,
                                                           absl::Time now) const;
  // Writes crl.pem anew: a list of each key, valid for a year. Of an issuing authority it has its
  // certificate, too.
  absl::Status WriteRevocationLists(absl::Time now) const;
  absl::StatusOr<std::string> RevocationLists(absl::Time now) const;

  // FAILED_PRECONDITION: this authority revoked the certificate with this serial number.
  absl::Status CheckNotRevoked(absl::string_view serial) const;
  // In the order in which they were issued.
  absl::StatusOr<std::vector<IssuedCertificate>> Issued() const;

  const std::string& authorities_pem() const;
  const std::string& links_pem() const;

 private:
  struct Parts;

  explicit CertificateAuthority(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_AUTHORITY_H_
