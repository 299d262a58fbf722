#include "common/jwt/key_set.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/jwt/strict_json.h"
#include "common/tls/openssl.h"

namespace gitops {
namespace {

using nlohmann::json;
using tls::Freeing;

using Context = std::unique_ptr<EVP_PKEY_CTX, Freeing<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freeing<BN_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freeing<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freeing<OSSL_PARAM_free>>;

constexpr int kMinRsaBits = 2048;
// Verification takes time with the square of the size.
constexpr size_t kMaxRsaBytes = 1024;
constexpr size_t kP256Bytes = 32;
constexpr size_t kEd25519Bytes = 32;

std::string Text(const json& key, const char* name) {
  const auto found = key.find(name);
  return found != key.end() && found->is_string() ? found->get<std::string>() : "";
}

absl::StatusOr<std::string> Bytes(const json& key, const char* name) {
  absl::StatusOr<std::string> bytes = DecodeBase64Url(Text(key, name));
  if (bytes.ok() && !bytes->empty()) return bytes;
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is missing, or no base64"));
}

const unsigned char* Data(const std::string& bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Checks that the point is on its curve, too.
absl::StatusOr<std::shared_ptr<EVP_PKEY>> FromParameters(const char* kind,
                                                         OSSL_PARAM_BLD* builder) {
  const tls::ErrorScope errors;
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* made = nullptr;
  if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return absl::InvalidArgumentError("it is not a public key");
  }
  std::shared_ptr<EVP_PKEY> key(made, EVP_PKEY_free);
  const Context check(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  if (check == nullptr || EVP_PKEY_public_check(check.get()) != 1) {
    return absl::InvalidArgumentError("it is not a public key");
  }
  return key;
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> Rsa(const json& key) {
  const absl::StatusOr<std::string> modulus = Bytes(key, "n"), exponent = Bytes(key, "e");
  if (!modulus.ok()) return modulus.status();
  if (!exponent.ok()) return exponent.status();
  if (modulus->size() > kMaxRsaBytes || exponent->size() > sizeof(uint64_t)) {
    return absl::InvalidArgumentError("the key is too large");
  }
  const Number n(BN_bin2bn(Data(*modulus), static_cast<int>(modulus->size()), nullptr));
  const Number e(BN_bin2bn(Data(*exponent), static_cast<int>(exponent->size()), nullptr));
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return FromParameters("RSA", builder.get());
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> P256(const json& key) {
  const absl::StatusOr<std::string> x = Bytes(key, "x"), y = Bytes(key, "y");
  if (!x.ok()) return x.status();
  if (!y.ok()) return y.status();
  if (x->size() != kP256Bytes || y->size() != kP256Bytes) {
    return absl::InvalidArgumentError("\"x\" and \"y\" must have 32 bytes each");
  }
  const std::string point = absl::StrCat("\x04", *x, *y);  // uncompressed
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return FromParameters("EC", builder.get());
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> Ed25519(const json& key) {
  const absl::StatusOr<std::string> x = Bytes(key, "x");
  if (!x.ok()) return x.status();
  const tls::ErrorScope errors;
  std::shared_ptr<EVP_PKEY> made(
      x->size() == kEd25519Bytes
          ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Data(*x), x->size())
          : nullptr,
      EVP_PKEY_free);
  if (made == nullptr) return absl::InvalidArgumentError("\"x\" must have 32 bytes");
  return made;
}

// None: of a kind that is not used here.
std::optional<JwtAlgorithm> AlgorithmOf(const json& key) {
  const std::string kind = Text(key, "kty"), curve = Text(key, "crv");
  if (kind == "RSA") return JwtAlgorithm::kRs256;
  if (kind == "EC" && curve == "P-256") return JwtAlgorithm::kEs256;
  if (kind == "OKP" && curve == "Ed25519") return JwtAlgorithm::kEdDsa;
  return std::nullopt;
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> MakeKey(JwtAlgorithm algorithm, const json& key) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256:
      return Rsa(key);
    case JwtAlgorithm::kEs256:
      return P256(key);
    case JwtAlgorithm::kEdDsa:
      return Ed25519(key);
  }
  return absl::InternalError("unknown algorithm");
}

}  // namespace

absl::string_view JwtAlgorithmName(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256:
      return "RS256";
    case JwtAlgorithm::kEs256:
      return "ES256";
    case JwtAlgorithm::kEdDsa:
      return "EdDSA";
  }
  return "";
}

absl::StatusOr<KeySet> KeySet::Parse(absl::string_view text) {
  const absl::StatusOr<json> root = ParseStrictObject(text);
  if (!root.ok())
    return absl::InvalidArgumentError(absl::StrCat("the key set is ", root.status().message()));
  const auto keys = root->find("keys");
  if (keys == root->end() || !keys->is_array()) {
    return absl::InvalidArgumentError("the key set has no list \"keys\"");
  }
  if (keys->size() > kMaxKeys) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key set has ", keys->size(), " keys, more than ", kMaxKeys));
  }
  KeySet set;
  for (const json& each : *keys) {
    const std::optional<JwtAlgorithm> algorithm =
        each.is_object() ? AlgorithmOf(each) : std::nullopt;
    const std::string use = each.is_object() ? Text(each, "use") : "";
    if (!algorithm.has_value() || (!use.empty() && use != "sig")) continue;
    const std::string named = Text(each, "alg");
    if (!named.empty() && named != JwtAlgorithmName(*algorithm)) continue;
    absl::StatusOr<std::shared_ptr<EVP_PKEY>> key = MakeKey(*algorithm, each);
    if (!key.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("key ", &each - &keys->front() + 1,
                                                     " of the key set: ", key.status().message()));
    }
    if (algorithm == JwtAlgorithm::kRs256 && EVP_PKEY_get_bits(key->get()) < kMinRsaBits) continue;
    set.keys_.push_back({Text(each, "kid"), *algorithm, *std::move(key)});
  }
  if (set.keys_.empty()) {
    return absl::InvalidArgumentError(
        "the key set has no key for signatures by RS256 (from 2,048 bits on), ES256 or EdDSA");
  }
  return set;
}

absl::StatusOr<EVP_PKEY*> KeySet::Find(JwtAlgorithm algorithm, absl::string_view id) const {
  EVP_PKEY* found = nullptr;
  for (const Key& each : keys_) {
    if (each.algorithm != algorithm || (!id.empty() && each.id != id)) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError("the token does not say which of several keys signed it");
    }
    found = each.key.get();
  }
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the issuer has no such key for ", JwtAlgorithmName(algorithm)));
  }
  return found;
}

}  // namespace gitops
