#ifndef GITOPS_COMMON_TLS_REVOCATIONS_H_
#define GITOPS_COMMON_TLS_REVOCATIONS_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/tls/certificate.h"

namespace gitops {

// The revoked certificates of the authorities in ca.crt. A value: any thread may read it.
class Revocations {
 public:
  // None are revoked.
  Revocations() = default;

  // Reads crl.pem of `directory`, beside its ca.crt: one or more signed lists, and the certificates
  // of intermediate authorities that signed some of them. A missing file is an empty list.
  // INVALID_ARGUMENT: it cannot be used: half written, or a list that no authority of ca.crt signed
  // (itself or through the intermediate); or by errno. The caller keeps the list it had. A list
  // that is past its next update is used: an attacker who can withhold a list must not undo it.
  static absl::StatusOr<Revocations> Load(const std::string& directory, absl::Time now);
  // The same from texts. `name` is for errors.
  static absl::StatusOr<Revocations> Parse(absl::string_view lists_pem,
                                           absl::string_view authorities_pem,
                                           const std::string& name, absl::Time now);

  // PERMISSION_DENIED: one of `chain` is revoked: the holder's own certificate, or the one of an
  // authority that leads to it. The message goes on with "the certificate …" and says since when.
  absl::Status Check(const std::vector<CertificateInfo>& chain) const;

  size_t size() const { return revoked_.size(); }
  // The earliest of the lists; InfiniteFuture: there is no list.
  absl::Time next_update() const { return next_update_; }
  // Tell the operator: a list that should have been replaced was not.
  bool IsOverdue(absl::Time now) const { return next_update_ < now; }

 private:
  using IssuerAndSerial = std::pair<std::string, std::string>;

  std::map<IssuerAndSerial, absl::Time> revoked_;
  absl::Time next_update_ = absl::InfiniteFuture();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_REVOCATIONS_H_
