#include "common/jwt/signer.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using nlohmann::json;
using tls::Freeing;

std::string Encode(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

std::string Number(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  const std::unique_ptr<BIGNUM, Freeing<BN_free>> owned(number);
  std::string bytes(BN_num_bytes(number), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

std::string Padded(std::string bytes) { return std::string(32 - bytes.size(), '\0') + bytes; }

EVP_PKEY* NewKey(JwtAlgorithm algorithm, int rsa_bits) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256:
      return EVP_RSA_gen(rsa_bits);
    case JwtAlgorithm::kEs256:
      return EVP_EC_gen("prime256v1");
    case JwtAlgorithm::kEdDsa:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

// The two numbers of a DER signature, one after the other.
std::string ToPair(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>> pair(
      d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())));
  std::string text(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(text.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + 32, 32);
  return text;
}

}  // namespace

JwtSigner::JwtSigner(JwtAlgorithm algorithm, std::string id, int rsa_bits)
    : algorithm_(algorithm), id_(std::move(id)), key_(NewKey(algorithm, rsa_bits)) {}

json JwtSigner::PublicKey() const {
  json key = {{"kid", id_}, {"use", "sig"}, {"alg", std::string(JwtAlgorithmName(algorithm_))}};
  switch (algorithm_) {
    case JwtAlgorithm::kRs256:
      key["kty"] = "RSA";
      key["n"] = Encode(Number(key_.get(), OSSL_PKEY_PARAM_RSA_N));
      key["e"] = Encode(Number(key_.get(), OSSL_PKEY_PARAM_RSA_E));
      break;
    case JwtAlgorithm::kEs256:
      key["kty"] = "EC";
      key["crv"] = "P-256";
      key["x"] = Encode(Padded(Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X)));
      key["y"] = Encode(Padded(Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)));
      break;
    case JwtAlgorithm::kEdDsa: {
      std::string bytes(32, '\0');
      size_t size = bytes.size();
      EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                                  &size);
      key["kty"] = "OKP";
      key["crv"] = "Ed25519";
      key["x"] = Encode(bytes);
    }
  }
  return key;
}

std::string JwtSigner::KeySetText() const { return json{{"keys", {PublicKey()}}}.dump(); }

std::string JwtSigner::Sign(const json& claims, const json& header) const {
  json all = {{"alg", std::string(JwtAlgorithmName(algorithm_))}, {"typ", "JWT"}, {"kid", id_}};
  all.update(header);
  return SignTexts(all.dump(), claims.dump());
}

std::string JwtSigner::SignTexts(const std::string& header, const std::string& claims) const {
  const std::string text = absl::StrCat(Encode(header), ".", Encode(claims));
  const std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const EVP_MD* digest = algorithm_ == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                 text.size());
  signature.resize(size);
  if (algorithm_ == JwtAlgorithm::kEs256) signature = ToPair(signature);
  return absl::StrCat(text, ".", Encode(signature));
}

}  // namespace gitops
