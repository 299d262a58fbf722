#include "common/tls/trusted.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/tls/describe.h"
#include "common/tls/openssl.h"
#include "common/tls/verify.h"

namespace gitops {
namespace {

// A certificate of an issuing authority is signed by a root, too. It must not serve as a link: its
// key is the planner's.
bool IsWholeAuthority(X509* link) {
  return X509_check_ca(link) == 1 && X509_get_pathlen(link) == -1 &&
         X509_get_ext_by_NID(link, NID_name_constraints, -1) < 0;
}

bool IsFor(X509* link, X509* authority) {
  return X509_NAME_cmp(X509_get_subject_name(link), X509_get_subject_name(authority)) == 0 &&
         EVP_PKEY_eq(X509_get0_pubkey(link), X509_get0_pubkey(authority)) == 1;
}

bool IsAmong(X509* certificate, const std::vector<tls::Certificate>& all) {
  return std::any_of(all.begin(), all.end(), [&](const tls::Certificate& one) {
    return X509_cmp(one.get(), certificate) == 0;
  });
}

}  // namespace

absl::StatusOr<std::string> TrustedAuthorities(absl::string_view offered, absl::string_view links,
                                               absl::string_view trusted, absl::Time now) {
  const tls::ErrorScope errors;
  const auto candidates = tls::ReadCertificates(offered);
  if (!candidates.ok()) return candidates.status();
  auto known = tls::ReadCertificates(trusted);
  if (!known.ok()) return known.status();
  std::vector<tls::Certificate> vouching;
  if (!links.empty()) {
    auto read = tls::ReadCertificates(links);
    if (!read.ok()) return read.status();
    vouching = *std::move(read);
  }
  const auto vouched_for = [&](X509* authority) {
    return X509_check_ca(authority) == 1 &&
           std::any_of(vouching.begin(), vouching.end(), [&](const tls::Certificate& link) {
             return IsFor(link.get(), authority) && IsWholeAuthority(link.get()) &&
                    tls::VerifyAuthority(link.get(), {}, *known, now).ok();
           });
  };
  // A root that is found may vouch for the next.
  for (bool found = true; std::exchange(found, false);) {
    for (const tls::Certificate& candidate : *candidates) {
      if (IsAmong(candidate.get(), *known) || !vouched_for(candidate.get())) continue;
      X509_up_ref(candidate.get());
      known->emplace_back(candidate.get());
      found = true;
    }
  }
  std::string pem;
  for (const tls::Certificate& candidate : *candidates) {
    if (IsAmong(candidate.get(), *known)) pem += tls::ToPem(candidate.get());
  }
  if (!pem.empty()) return pem;
  return absl::FailedPreconditionError(
      "none of the authorities that were offered is trusted here, and no trusted one vouches for "
      "them");
}

absl::StatusOr<std::string> PinnedAuthority(absl::string_view offered, absl::string_view sha256) {
  const tls::ErrorScope errors;
  const auto candidates = tls::ReadCertificates(offered);
  if (!candidates.ok()) return candidates.status();
  std::vector<std::string> found;
  for (const tls::Certificate& candidate : *candidates) {
    found.push_back(tls::Describe(candidate.get()).fingerprint);
    if (absl::EqualsIgnoreCase(found.back(), sha256)) return tls::ToPem(candidate.get());
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no authority with the SHA-256 ", absl::AsciiStrToLower(sha256),
                   " was offered, but ", absl::StrJoin(found, ", ")));
}

}  // namespace gitops
