#include "common/tls/revocations.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/path/read_file.h"
#include "common/tls/openssl.h"
#include "common/tls/verify.h"

namespace gitops {
namespace {

constexpr size_t kMaxFile = 64 << 20;

absl::Status Unusable(const std::string& name, absl::string_view cause, absl::string_view hint) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot use the revocation list ", name, ": ", cause, "; ", hint));
}

bool IsSignedBy(X509_CRL* list, X509* authority) {
  return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0 &&
         X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1;
}

// Those of crl.pem that may sign lists.
std::vector<tls::Certificate> IntermediatesIn(absl::string_view pem) {
  auto certificates = tls::ReadCertificates(pem);
  return certificates.ok() ? *std::move(certificates) : std::vector<tls::Certificate>();
}

bool IsTrusted(X509_CRL* list, const std::vector<tls::Certificate>& authorities,
               const std::vector<tls::Certificate>& intermediates, absl::Time now) {
  const auto signed_list = [list](const tls::Certificate& authority) {
    return IsSignedBy(list, authority.get());
  };
  if (std::any_of(authorities.begin(), authorities.end(), signed_list)) return true;
  return std::any_of(
      intermediates.begin(), intermediates.end(), [&](const tls::Certificate& intermediate) {
        return signed_list(intermediate) && X509_check_ca(intermediate.get()) > 0 &&
               tls::VerifyAuthority(intermediate.get(), intermediates, authorities, now).ok();
      });
}

}  // namespace

absl::StatusOr<Revocations> Revocations::Load(const std::string& directory, absl::Time now) {
  const std::string name = directory + "/crl.pem";
  const absl::StatusOr<std::string> lists = ReadWholeFile(name, kMaxFile);
  if (absl::IsNotFound(lists.status())) return Revocations();
  if (!lists.ok()) return lists.status();
  const absl::StatusOr<std::string> authorities = ReadWholeFile(directory + "/ca.crt", kMaxFile);
  if (!authorities.ok()) return authorities.status();
  return Parse(*lists, *authorities, name, now);
}

absl::StatusOr<Revocations> Revocations::Parse(absl::string_view lists_pem,
                                               absl::string_view authorities_pem,
                                               const std::string& name, absl::Time now) {
  const tls::ErrorScope errors;
  const auto lists = tls::ReadRevocationLists(lists_pem);
  if (!lists.ok()) {
    return Unusable(name, lists.status().message(), "write it anew with 'gitopsctl ca revoke'");
  }
  const auto authorities = tls::ReadCertificates(authorities_pem);
  if (!authorities.ok()) {
    return Unusable(name, authorities.status().message(), "repair the ca.crt beside it");
  }
  const std::vector<tls::Certificate> intermediates = IntermediatesIn(lists_pem);
  Revocations revocations;
  for (const tls::RevocationList& list : *lists) {
    const std::string issuer = tls::NameText(X509_CRL_get_issuer(list.get()));
    if (!IsTrusted(list.get(), *authorities, intermediates, now)) {
      return Unusable(name, absl::StrCat("the list of ", issuer, " is not signed by an authority"),
                      "put the list there that belongs to ca.crt");
    }
    const absl::Time next = tls::TimeOf(X509_CRL_get0_nextUpdate(list.get()));
    if (next != absl::InfinitePast()) {
      revocations.next_update_ = std::min(revocations.next_update_, next);
    }
    STACK_OF(X509_REVOKED)* const entries = X509_CRL_get_REVOKED(list.get());
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
      const X509_REVOKED* const entry = sk_X509_REVOKED_value(entries, i);
      revocations.revoked_.emplace(
          IssuerAndSerial(issuer, tls::SerialText(X509_REVOKED_get0_serialNumber(entry))),
          tls::TimeOf(X509_REVOKED_get0_revocationDate(entry)));
    }
  }
  return revocations;
}

absl::Status Revocations::Check(const std::vector<CertificateInfo>& chain) const {
  for (const CertificateInfo& certificate : chain) {
    const auto found = revoked_.find({certificate.issuer, certificate.serial});
    if (found == revoked_.end()) continue;
    return absl::PermissionDeniedError(
        absl::StrCat(&certificate == chain.data() ? "" : "of its authority ", "with serial number ",
                     certificate.serial, " is revoked since ", tls::TimeText(found->second)));
  }
  return absl::OkStatus();
}

}  // namespace gitops
