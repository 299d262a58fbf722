#include "common/tls/authority_requests.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/escape.h"

namespace gitops::tls {
namespace {

constexpr absl::Duration kSlowClocks = absl::Minutes(5);
constexpr size_t kMaxAuthorityName = 48;
constexpr int kMaxDays = 36500;

absl::Status CheckDays(int days) {
  if (days >= 1 && days <= kMaxDays) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a certificate cannot be valid for ", days, " days; give 1 to ", kMaxDays));
}

// As a certificate may have it: no wildcard, nothing that a reader may cut.
absl::Status CheckDnsName(const std::string& name) {
  const bool valid = !name.empty() && name.size() <= 253 && name.front() != '.' &&
                     !absl::StrContains(name, "..") && absl::c_all_of(name, [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
                     });
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", EscapeText(name), "\" is not a DNS name without wildcards"));
}

}  // namespace

absl::Status CheckOptions(const AuthorityOptions& options) {
  if (options.name.empty() || options.name.size() > kMaxAuthorityName ||
      !absl::c_all_of(options.name, [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", EscapeText(options.name), "\" cannot be the name of an authority; give 1 to ",
        kMaxAuthorityName, " printable ASCII characters"));
  }
  return CheckDays(options.days);
}

absl::Status CheckRequest(const LeafRequest& request) {
  if (absl::Status status = CheckIdentityName(request.identity.name); !status.ok()) return status;
  for (const std::string& name : request.dns_names) {
    if (absl::Status status = CheckDnsName(name); !status.ok()) return status;
  }
  return CheckDays(request.days);
}

Validity ValidityOf(int days, absl::Time now) {
  return {now - kSlowClocks, now + absl::Hours(24) * days};
}

Validity Within(Validity validity, const Signer& signer) {
  validity.not_after =
      std::min(validity.not_after, TimeOf(X509_get0_notAfter(signer.certificate.get())));
  return validity;
}

}  // namespace gitops::tls
