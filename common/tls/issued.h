#ifndef GITOPS_COMMON_TLS_ISSUED_H_
#define GITOPS_COMMON_TLS_ISSUED_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace gitops {

// A certificate that an authority issued.
struct IssuedCertificate {
  std::string serial;  // as in CertificateInfo
  std::string holder;  // "agent/web1"; of an issuing authority "issuer/NAME"
  std::string issuer;  // as in CertificateInfo
  std::vector<std::string> dns_names, addresses;
  absl::Time not_before, not_after;
  std::optional<absl::Time> revoked;
  std::string reason;  // why it was revoked

  bool IsValidAt(absl::Time now) const { return !revoked.has_value() && not_after >= now; }
};

// A file with a line of JSON for everything that was issued or revoked, in order. It only grows, so
// that a crash loses at most the line that was being written, of which nobody was told. Several
// processes may write it; any thread.
class IssuedLog {
 public:
  explicit IssuedLog(std::string path) : path_(std::move(path)) {}

  // They are on disk when this returns OK. Errors by errno.
  absl::Status AddIssued(const IssuedCertificate& certificate) const;
  absl::Status AddRevoked(const std::vector<IssuedCertificate>& certificates) const;

  // In the order in which they were issued; none if there is no file. DATA_LOSS: a line is damaged;
  // the message has its number.
  absl::StatusOr<std::vector<IssuedCertificate>> Read() const;

 private:
  absl::Status Append(const std::string& lines) const;

  const std::string path_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_ISSUED_H_
