#include "common/http/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// Null: unknown.
const EVP_MD* Digest(absl::string_view algorithm) {
  if (algorithm == "sha224") return EVP_sha224();
  if (algorithm == "sha256") return EVP_sha256();
  if (algorithm == "sha384") return EVP_sha384();
  return algorithm == "sha512" ? EVP_sha512() : nullptr;
}

absl::StatusOr<std::string> HmacHex(const EVP_MD* digest, const Secret& key,
                                    absl::string_view body) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const std::string& text = key.Reveal();
  if (HMAC(digest, text.data(), static_cast<int>(text.size()),
           reinterpret_cast<const unsigned char*>(body.data()), body.size(), mac,
           &size) == nullptr) {
    return absl::InternalError("OpenSSL computed no HMAC");
  }
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(mac), size));
}

constexpr char kKnown[] = "use sha224, sha256, sha384 or sha512";
constexpr size_t kMaxShown = 20;

std::string Shown(absl::string_view word) { return absl::CHexEscape(word.substr(0, kMaxShown)); }

}  // namespace

Secret HmacKeyFromFile(absl::string_view bytes) {
  const bool text = IsValidUtf8(bytes) && std::none_of(bytes.begin(), bytes.end(), [](char c) {
                      return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t' &&
                             c != '\n' && c != '\r';
                    });
  if (text && absl::ConsumeSuffix(&bytes, "\n")) absl::ConsumeSuffix(&bytes, "\r");
  return Secret(std::string(bytes));
}

absl::StatusOr<std::string> Sign(absl::string_view algorithm, const Secret& key,
                                 absl::string_view body) {
  const EVP_MD* const digest = Digest(algorithm);
  if (digest == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot sign with \"", Shown(algorithm), "\": ", kKnown));
  }
  const absl::StatusOr<std::string> hex = HmacHex(digest, key, body);
  if (!hex.ok()) return hex.status();
  return absl::StrCat(algorithm, "=", *hex);
}

absl::Status VerifySignature(absl::string_view signature, const Secret& key,
                             absl::string_view body) {
  if (key.empty()) return absl::UnauthenticatedError("there is no key to verify signatures");
  const size_t equals = signature.find('=');
  if (equals == absl::string_view::npos) {
    return absl::UnauthenticatedError("the signature is not of the form ALG=HEX");
  }
  const absl::string_view algorithm = signature.substr(0, equals);
  const EVP_MD* const digest = Digest(algorithm);
  if (digest == nullptr) {
    return absl::UnauthenticatedError(absl::StrCat("the signature is of an unknown algorithm, \"",
                                                   Shown(algorithm), "\": ", kKnown));
  }
  const absl::StatusOr<std::string> right = HmacHex(digest, key, body);
  if (!right.ok()) return right.status();
  const std::string given = absl::AsciiStrToLower(signature.substr(equals + 1));
  if (given.size() != right->size() ||
      CRYPTO_memcmp(given.data(), right->data(), given.size()) != 0) {
    return absl::UnauthenticatedError("the signature does not match this body and key");
  }
  return absl::OkStatus();
}

}  // namespace gitops
