#include "common/tls/certificate.h"

#include <arpa/inet.h>

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/text/escape.h"
#include "common/tls/describe.h"
#include "common/tls/openssl.h"

namespace gitops {
namespace tls {
namespace {

absl::string_view BytesOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string AddressText(absl::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return absl::BytesToHexString(bytes);
  inet_ntop(family, bytes.data(), text, sizeof text);
  return text;
}

// The names of a subject; `unusable` if there is one that must not be.
struct SubjectNames {
  std::vector<std::string> dns, addresses, identity_uris;
  absl::Status unusable;
};

// Programs differ in what they make of such names: some stop at a NUL.
absl::Status CheckName(absl::string_view name) {
  if (absl::StrContains(name, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("has a NUL in the name \"", EscapeText(name), "\""));
  }
  if (absl::StrContains(name, '*')) {
    return absl::InvalidArgumentError(
        absl::StrCat("has a wildcard in the name \"", EscapeText(name), "\""));
  }
  return absl::OkStatus();
}

// Also "GITOPS:x", so that what looks like an identity is one or is refused.
bool ClaimsIdentity(absl::string_view uri) { return absl::StartsWithIgnoreCase(uri, "gitops:"); }

void AddName(const GENERAL_NAME* name, SubjectNames& names) {
  if (name->type == GEN_IPADD) {
    names.addresses.push_back(AddressText(BytesOf(name->d.iPAddress)));
    return;
  }
  if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL) return;
  const absl::string_view text = BytesOf(name->d.ia5);
  names.unusable.Update(CheckName(text));
  if (name->type == GEN_DNS) names.dns.push_back(EscapeText(text));
  if (name->type == GEN_URI && ClaimsIdentity(text)) names.identity_uris.emplace_back(text);
}

SubjectNames NamesOf(const X509* certificate) {
  SubjectNames names;
  int critical = 0;
  const Names all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  // -1: there is none; -2: there are two.
  if (all == nullptr && critical != -1) {
    names.unusable = absl::InvalidArgumentError("has alternative names that cannot be read");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    AddName(sk_GENERAL_NAME_value(all.get(), i), names);
  }
  return names;
}

absl::StatusOr<Identity> IdentityOf(X509* certificate, const SubjectNames& names) {
  if (absl::Status weak = CheckStrength(certificate); !weak.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("is too weak: ", weak.message()));
  }
  if (!names.unusable.ok()) return names.unusable;
  if (names.identity_uris.empty()) {
    return absl::InvalidArgumentError("has no URI of the form gitops://ROLE/NAME");
  }
  if (names.identity_uris.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", names.identity_uris.size(), " URIs of identities: ",
        EscapeText(names.identity_uris[0]), " and ", EscapeText(names.identity_uris[1])));
  }
  absl::StatusOr<Identity> identity = ParseIdentityUri(names.identity_uris.front());
  if (identity.ok()) return identity;
  return absl::InvalidArgumentError(absl::StrCat("has a bad URI: ", identity.status().message()));
}

std::string FingerprintOf(const X509* certificate) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), hash, &size) != 1) return "";
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash), size});
}

}  // namespace

CertificateInfo Describe(X509* certificate) {
  SubjectNames names = NamesOf(certificate);
  CertificateInfo info;
  info.identity = IdentityOf(certificate, names);
  info.dns_names = std::move(names.dns);
  info.addresses = std::move(names.addresses);
  info.serial = SerialText(X509_get0_serialNumber(certificate));
  info.not_before = TimeOf(X509_get0_notBefore(certificate));
  info.not_after = TimeOf(X509_get0_notAfter(certificate));
  info.issuer = NameText(X509_get_issuer_name(certificate));
  info.subject = NameText(X509_get_subject_name(certificate));
  info.fingerprint = FingerprintOf(certificate);
  return info;
}

}  // namespace tls

absl::StatusOr<std::vector<CertificateInfo>> ReadCertificateChain(absl::string_view pem) {
  const tls::ErrorScope errors;
  const absl::StatusOr<std::vector<tls::Certificate>> certificates = tls::ReadCertificates(pem);
  if (!certificates.ok()) return certificates.status();
  std::vector<CertificateInfo> infos;
  infos.reserve(certificates->size());
  for (const tls::Certificate& certificate : *certificates) {
    infos.push_back(tls::Describe(certificate.get()));
  }
  return infos;
}

absl::StatusOr<CertificateInfo> ReadCertificate(absl::string_view pem) {
  absl::StatusOr<std::vector<CertificateInfo>> chain = ReadCertificateChain(pem);
  if (!chain.ok()) return chain.status();
  return std::move(chain->front());
}

}  // namespace gitops
