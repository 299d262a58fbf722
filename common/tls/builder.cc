#include "common/tls/builder.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/text/escape.h"
#include "common/text/sha256.h"
#include "common/tls/identity.h"

namespace gitops::tls {
namespace {

constexpr int kSerialBytes = 16;
constexpr size_t kMaxCommonName = 64;  // RFC 5280

// Collects the first failure of a chain of OpenSSL's calls.
class Steps {
 public:
  Steps& Do(bool done) {
    ok_ = ok_ && done;
    return *this;
  }
  bool ok() const { return ok_; }
  absl::Status Result(absl::string_view action) const {
    return ok_ ? absl::OkStatus() : OpensslError(action);
  }

 private:
  bool ok_ = true;
};

using BigNumber = std::unique_ptr<BIGNUM, Freeing<BN_free>>;
using Asn1Time = std::unique_ptr<ASN1_TIME, Freeing<ASN1_TIME_free>>;

// Positive, and 128 bits but the highest are random.
bool SetRandomSerial(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3f) | 0x40);
  const BigNumber number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetCommonName(X509* certificate, const std::string& name) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(std::min(name.size(), kMaxCommonName)), -1,
                                    0) == 1;
}

bool SetValidity(X509* certificate, const Validity& validity) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(validity.not_before)) !=
             nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(validity.not_after)) !=
             nullptr;
}

// `value` in the syntax of openssl's configuration; nothing of a user's may be in it.
bool AddExtension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

absl::StatusOr<Certificate> Begin(const std::string& subject, EVP_PKEY* key, X509* issuer,
                                  const Validity& validity) {
  Certificate certificate(X509_new());
  X509* const x509 = certificate.get();
  Steps steps;
  steps.Do(x509 != nullptr && X509_set_version(x509, X509_VERSION_3) == 1)
      .Do(SetRandomSerial(x509))
      .Do(SetCommonName(x509, subject))
      .Do(SetValidity(x509, validity))
      .Do(X509_set_pubkey(x509, key) == 1);
  X509* const by = issuer == nullptr ? x509 : issuer;
  steps.Do(X509_set_issuer_name(x509, X509_get_subject_name(by)) == 1)
      .Do(AddExtension(x509, by, NID_subject_key_identifier, "hash"))
      .Do(issuer == nullptr ||
          AddExtension(x509, by, NID_authority_key_identifier, "keyid:always"));
  if (absl::Status status = steps.Result("make a certificate"); !status.ok()) return status;
  return certificate;
}

absl::StatusOr<Certificate> Signed(Certificate certificate, const Steps& steps, EVP_PKEY* key) {
  Steps last = steps;
  last.Do(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  if (absl::Status status = last.Result("sign a certificate"); !status.ok()) return status;
  return certificate;
}

ASN1_IA5STRING* Ia5(absl::string_view text) {
  ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
  ASN1_STRING_set(value, text.data(), static_cast<int>(text.size()));
  return value;
}

bool PushIa5(GENERAL_NAMES* names, int kind, const std::string& text) {
  GENERAL_NAME* const name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, kind, Ia5(text));
  return sk_GENERAL_NAME_push(names, name) > 0;
}

bool PushSubtree(STACK_OF(GENERAL_SUBTREE) * *subtrees, int kind, ASN1_STRING* value) {
  GENERAL_SUBTREE* const subtree = GENERAL_SUBTREE_new();
  GENERAL_NAME_set0_value(subtree->base, kind, value);
  if (*subtrees == nullptr) *subtrees = sk_GENERAL_SUBTREE_new_null();
  return value != nullptr && sk_GENERAL_SUBTREE_push(*subtrees, subtree) > 0;
}

// By hand, since OpenSSL's text form has no empty names, which stand for all.
bool AddIssuerConstraints(X509* certificate) {
  const std::unique_ptr<NAME_CONSTRAINTS, Freeing<NAME_CONSTRAINTS_free>> constraints(
      NAME_CONSTRAINTS_new());
  Steps steps;
  auto** const excluded = &constraints->excludedSubtrees;
  steps.Do(PushSubtree(&constraints->permittedSubtrees, GEN_URI, Ia5(RoleName(Role::kAgent))))
      .Do(PushSubtree(excluded, GEN_DNS, Ia5("")))
      .Do(PushSubtree(excluded, GEN_IPADD, a2i_IPADDRESS_NC("0.0.0.0/0.0.0.0")))
      .Do(PushSubtree(excluded, GEN_IPADD, a2i_IPADDRESS_NC("::/::")))
      .Do(X509_add1_ext_i2d(certificate, NID_name_constraints, constraints.get(), 1, 0) == 1);
  return steps.ok();
}

absl::Status PushAddress(GENERAL_NAMES* names, const std::string& text) {
  ASN1_OCTET_STRING* const value = a2i_IPADDRESS(text.c_str());
  if (value == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", EscapeText(text), "\" is not an IP address"));
  }
  GENERAL_NAME* const name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_IPADD, value);
  sk_GENERAL_NAME_push(names, name);
  return absl::OkStatus();
}

absl::StatusOr<Names> AlternativeNames(const LeafNames& names) {
  Names all(GENERAL_NAMES_new());
  PushIa5(all.get(), GEN_URI, names.uri);
  for (const std::string& dns : names.dns_names) PushIa5(all.get(), GEN_DNS, dns);
  for (const std::string& address : names.addresses) {
    if (absl::Status status = PushAddress(all.get(), address); !status.ok()) return status;
  }
  return all;
}

bool AddAuthorityKey(X509_CRL* list, X509* issuer) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, list, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always");
  const bool added = extension != nullptr && X509_CRL_add_ext(list, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool AddRevoked(X509_CRL* list, const IssuedCertificate& certificate) {
  X509_REVOKED* const entry = X509_REVOKED_new();
  BIGNUM* parsed = nullptr;
  BN_hex2bn(&parsed, certificate.serial.c_str());
  const BigNumber number(parsed);
  const Number serial(number == nullptr ? nullptr : BN_to_ASN1_INTEGER(number.get(), nullptr));
  const Asn1Time time(ASN1_TIME_set(nullptr, absl::ToTimeT(*certificate.revoked)));
  const bool added = serial != nullptr && time != nullptr &&
                     X509_REVOKED_set_serialNumber(entry, serial.get()) == 1 &&
                     X509_REVOKED_set_revocationDate(entry, time.get()) == 1 &&
                     X509_CRL_add0_revoked(list, entry) == 1;
  if (!added) X509_REVOKED_free(entry);
  return added;
}

}  // namespace

absl::StatusOr<Key> NewKey() {
  Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return OpensslError("make a key");
  return key;
}

std::string KeyId(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return "";
  std::string id = Sha256Hex({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  id.resize(8);
  return id;
}

std::string AuthorityName(const X509* authority) {
  char text[kMaxCommonName + 1] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(authority), NID_commonName, text, sizeof text);
  const absl::string_view name = text;
  return std::string(name.substr(0, name.rfind(' ')));
}

absl::StatusOr<Certificate> MakeRoot(const std::string& name, EVP_PKEY* key,
                                     const Validity& validity) {
  absl::StatusOr<Certificate> root =
      Begin(absl::StrCat(name, " ", KeyId(key)), key, nullptr, validity);
  if (!root.ok()) return root;
  Steps steps;
  steps.Do(AddExtension(root->get(), root->get(), NID_basic_constraints, "critical,CA:TRUE"))
      .Do(AddExtension(root->get(), root->get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  return Signed(*std::move(root), steps, key);
}

absl::StatusOr<Certificate> MakeIssuer(const std::string& name, EVP_PKEY* key, const Signer& signer,
                                       const Validity& validity) {
  X509* const by = signer.certificate.get();
  absl::StatusOr<Certificate> issuer =
      Begin(absl::StrCat(name, " ", KeyId(key)), key, by, validity);
  if (!issuer.ok()) return issuer;
  Steps steps;
  steps.Do(AddExtension(issuer->get(), by, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"))
      .Do(AddExtension(issuer->get(), by, NID_key_usage, "critical,keyCertSign,cRLSign"))
      .Do(AddIssuerConstraints(issuer->get()));
  return Signed(*std::move(issuer), steps, signer.key.get());
}

absl::StatusOr<Certificate> MakeLink(X509* root, const Signer& signer, const Validity& validity) {
  X509* const by = signer.certificate.get();
  absl::StatusOr<Certificate> link = Begin("link", X509_get0_pubkey(root), by, validity);
  if (!link.ok()) return link;
  Steps steps;
  steps.Do(X509_set_subject_name(link->get(), X509_get_subject_name(root)) == 1)
      .Do(AddExtension(link->get(), by, NID_basic_constraints, "critical,CA:TRUE"))
      .Do(AddExtension(link->get(), by, NID_key_usage, "critical,keyCertSign,cRLSign"));
  return Signed(*std::move(link), steps, signer.key.get());
}

absl::StatusOr<Certificate> MakeLeaf(const LeafNames& names, EVP_PKEY* key, const Signer& signer,
                                     const Validity& validity) {
  X509* const by = signer.certificate.get();
  absl::StatusOr<Names> alternatives = AlternativeNames(names);
  if (!alternatives.ok()) return alternatives.status();
  absl::StatusOr<Certificate> leaf = Begin(names.subject, key, by, validity);
  if (!leaf.ok()) return leaf;
  X509* const x509 = leaf->get();
  Steps steps;
  steps.Do(AddExtension(x509, by, NID_basic_constraints, "critical,CA:FALSE"))
      .Do(AddExtension(x509, by, NID_key_usage, "critical,digitalSignature"))
      .Do(AddExtension(x509, by, NID_ext_key_usage, "serverAuth,clientAuth"))
      .Do(X509_add1_ext_i2d(x509, NID_subject_alt_name, alternatives->get(), 0, 0) == 1);
  return Signed(*std::move(leaf), steps, signer.key.get());
}

absl::StatusOr<RevocationList> MakeRevocationList(const std::vector<IssuedCertificate>& issued,
                                                  const Signer& signer, const Validity& validity) {
  RevocationList list(X509_CRL_new());
  const X509_NAME* const name = X509_get_subject_name(signer.certificate.get());
  const std::string issuer = NameText(name);
  const Asn1Time now(ASN1_TIME_set(nullptr, absl::ToTimeT(validity.not_before)));
  const Asn1Time next(ASN1_TIME_set(nullptr, absl::ToTimeT(validity.not_after)));
  const Number number(ASN1_INTEGER_new());
  Steps steps;
  steps.Do(X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1)
      .Do(X509_CRL_set_issuer_name(list.get(), name) == 1)
      .Do(X509_CRL_set1_lastUpdate(list.get(), now.get()) == 1)
      .Do(X509_CRL_set1_nextUpdate(list.get(), next.get()) == 1)
      .Do(ASN1_INTEGER_set_int64(number.get(), absl::ToUnixMillis(validity.not_before)) == 1)
      .Do(X509_CRL_add1_ext_i2d(list.get(), NID_crl_number, number.get(), 0, 0) == 1)
      .Do(AddAuthorityKey(list.get(), signer.certificate.get()));
  for (const IssuedCertificate& certificate : issued) {
    const bool listed = certificate.revoked.has_value() && certificate.issuer == issuer &&
                        certificate.not_after >= validity.not_before;
    if (listed) steps.Do(AddRevoked(list.get(), certificate));
  }
  steps.Do(X509_CRL_sort(list.get()) == 1)
      .Do(X509_CRL_sign(list.get(), signer.key.get(), EVP_sha256()) > 0);
  if (absl::Status status = steps.Result("make a revocation list"); !status.ok()) return status;
  return list;
}

}  // namespace gitops::tls
