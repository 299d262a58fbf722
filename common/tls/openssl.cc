#include "common/tls/openssl.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops::tls {
namespace {

using Bio = std::unique_ptr<BIO, Freeing<BIO_free>>;

constexpr int kWeakestRsaBits = 2048;
// Bits of security: what P-224 and RSA of 2,048 bits have.
constexpr int kWeakestKey = 112;

Bio ReaderOf(absl::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

template <typename Write>
std::string WrittenBy(const Write& write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  return TextOf(bio.get());
}

// OpenSSL takes a block whose begin is cut off for a comment.
bool IsCutOff(absl::string_view pem) {
  size_t dashes = 0;
  for (size_t at = pem.find("-----"); at != absl::string_view::npos;
       at = pem.find("-----", at + 5)) {
    ++dashes;
  }
  return dashes % 4 != 0;
}

// Blocks whose label ends with `label`.
size_t CountBlocks(absl::string_view pem, absl::string_view label) {
  constexpr absl::string_view kBegin = "-----BEGIN ";
  size_t count = 0;
  for (size_t at = pem.find(kBegin); at != absl::string_view::npos;
       at = pem.find(kBegin, at + kBegin.size())) {
    const absl::string_view rest = pem.substr(at + kBegin.size());
    if (absl::EndsWith(rest.substr(0, rest.find("-----")), label)) ++count;
  }
  return count;
}

template <typename Owner, typename Read>
absl::StatusOr<std::vector<Owner>> ReadAll(absl::string_view pem, absl::string_view label,
                                           const Read& read) {
  if (IsCutOff(pem)) {
    return absl::InvalidArgumentError("a PEM block is cut off; the file may be half written");
  }
  const size_t count = CountBlocks(pem, label);
  if (count == 0) return absl::InvalidArgumentError(absl::StrCat("it has no PEM block ", label));
  std::vector<Owner> all;
  const Bio bio = ReaderOf(pem);
  while (all.size() < count) {
    auto* const one = read(bio.get());
    if (one == nullptr) {
      const absl::Status error = OpensslError(absl::StrCat("read PEM block ", label));
      return absl::InvalidArgumentError(error.message());
    }
    all.emplace_back(one);
  }
  return all;
}

int NoPassphrase(char*, int, int, void*) { return -1; }

bool IsWeakDigest(int digest) {
  return digest == NID_md2 || digest == NID_md4 || digest == NID_md5 || digest == NID_md5_sha1 ||
         digest == NID_sha1 || digest == NID_ripemd160;
}

}  // namespace

absl::Status OpensslError(absl::string_view action) {
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  ERR_clear_error();
  return absl::InternalError(
      absl::StrCat("cannot ", action, ": ", reason == nullptr ? "unknown error" : reason));
}

absl::StatusOr<std::vector<Certificate>> ReadCertificates(absl::string_view pem) {
  return ReadAll<Certificate>(pem, "CERTIFICATE", [](BIO* bio) {
    return PEM_read_bio_X509(bio, nullptr, NoPassphrase, nullptr);
  });
}

absl::StatusOr<std::vector<RevocationList>> ReadRevocationLists(absl::string_view pem) {
  return ReadAll<RevocationList>(pem, "X509 CRL", [](BIO* bio) {
    return PEM_read_bio_X509_CRL(bio, nullptr, NoPassphrase, nullptr);
  });
}

absl::StatusOr<CertificateRequest> ReadRequest(absl::string_view pem) {
  auto requests = ReadAll<CertificateRequest>(pem, "CERTIFICATE REQUEST", [](BIO* bio) {
    return PEM_read_bio_X509_REQ(bio, nullptr, NoPassphrase, nullptr);
  });
  if (!requests.ok()) return requests.status();
  return std::move(requests->front());
}

absl::StatusOr<std::vector<Key>> ReadKeys(const Secret& pem) {
  return ReadAll<Key>(pem.Reveal(), "PRIVATE KEY", [](BIO* bio) {
    return PEM_read_bio_PrivateKey(bio, nullptr, NoPassphrase, nullptr);
  });
}

std::string ToPem(X509* certificate) {
  return WrittenBy([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}

std::string ToPem(X509_CRL* list) {
  return WrittenBy([&](BIO* bio) { PEM_write_bio_X509_CRL(bio, list); });
}

Secret ToPem(EVP_PKEY* key) {
  return Secret(WrittenBy([&](BIO* bio) {
    PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  }));
}

std::string NameText(const X509_NAME* name) {
  return WrittenBy([&](BIO* bio) { X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253); });
}

std::string SerialText(const ASN1_INTEGER* serial) {
  const std::unique_ptr<BIGNUM, Freeing<BN_free>> number(ASN1_INTEGER_to_BN(serial, nullptr));
  char* const hex = number == nullptr ? nullptr : BN_bn2hex(number.get());
  if (hex == nullptr) return "";
  absl::string_view digits = hex;
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  std::string text = absl::AsciiStrToLower(digits);
  OPENSSL_free(hex);
  return text;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::Status CheckKeyStrength(EVP_PKEY* key) {
  if (key == nullptr) return absl::InvalidArgumentError("its key is of an unknown kind");
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits < kWeakestRsaBits) {
    return absl::InvalidArgumentError(
        absl::StrCat("its RSA key has ", bits, " bits; at least ", kWeakestRsaBits, " are needed"));
  }
  if (EVP_PKEY_get_security_bits(key) < kWeakestKey) {
    return absl::InvalidArgumentError(absl::StrCat("its key of ", bits, " bits is too weak"));
  }
  return absl::OkStatus();
}

absl::Status CheckStrength(X509* certificate) {
  if (absl::Status status = CheckKeyStrength(X509_get0_pubkey(certificate)); !status.ok()) {
    return status;
  }
  // Nobody relies on the signature of a root: it is trusted because its file is.
  if ((X509_get_extension_flags(certificate) & EXFLAG_SS) != 0) return absl::OkStatus();
  int digest = NID_undef;
  X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr);
  if (IsWeakDigest(digest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is signed with ", OBJ_nid2ln(digest), ", which can be forged"));
  }
  return absl::OkStatus();
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace gitops::tls
