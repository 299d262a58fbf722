#include "common/jwt/jwt.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/jwt/strict_json.h"
#include "common/tls/openssl.h"

namespace gitops {
namespace {

using nlohmann::json;
using tls::Freeing;

using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>>;

constexpr size_t kP256Bytes = 32;
// A time in seconds with which sums do not overflow: the year 9999.
constexpr double kMaxSeconds = 253402300799;

absl::Status Refused(absl::string_view what) { return absl::UnauthenticatedError(what); }

std::optional<JwtAlgorithm> ParseAlgorithm(const json& header) {
  const auto named = header.find("alg");
  if (named == header.end() || !named->is_string()) return std::nullopt;
  for (const JwtAlgorithm each :
       {JwtAlgorithm::kRs256, JwtAlgorithm::kEs256, JwtAlgorithm::kEdDsa}) {
    if (named->get<std::string>() == JwtAlgorithmName(each)) return each;
  }
  return std::nullopt;
}

// The JWS form of a signature is the two numbers, one after the other; OpenSSL's is DER.
std::string ToDer(const std::string& signature) {
  if (signature.size() != 2 * kP256Bytes) return "";
  const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
  const EcSignature pair(ECDSA_SIG_new());
  if (pair == nullptr || ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, kP256Bytes, nullptr),
                                        BN_bin2bn(bytes + kP256Bytes, kP256Bytes, nullptr)) != 1) {
    return "";
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  std::string text(reinterpret_cast<char*>(der), size < 0 ? 0 : size);
  OPENSSL_free(der);
  return text;
}

// A NumericDate. None: it is missing; INVALID_ARGUMENT: something else.
absl::StatusOr<std::optional<absl::Time>> TimeOf(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::nullopt;
  if (!found->is_number() || found->get<double>() < 0 || found->get<double>() > kMaxSeconds) {
    return absl::InvalidArgumentError(absl::StrCat("the claim \"", name, "\" is no time"));
  }
  return absl::UnixEpoch() + absl::Seconds(found->get<double>());
}

}  // namespace

bool LooksLikeJwt(absl::string_view token) {
  // "{" and a quote or white space, in base64.
  return absl::StartsWith(token, "ey") && std::count(token.begin(), token.end(), '.') == 2;
}

absl::StatusOr<Jwt> Jwt::Parse(absl::string_view token) {
  if (token.size() > kMaxJwtBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a JWT of ", token.size(), " bytes; at most ", kMaxJwtBytes, " are read"));
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3) return absl::InvalidArgumentError("not a signed JWT: it has not 3 parts");
  Jwt jwt;
  std::string decoded[3];
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<std::string> part = DecodeBase64Url(parts[i]);
    if (!part.ok()) {
      return absl::InvalidArgumentError("not a JWT: a part of it is not base64 for URLs");
    }
    decoded[i] = *std::move(part);
  }
  const absl::StatusOr<json> header = ParseStrictObject(decoded[0]);
  if (!header.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the header of the JWT is ", header.status().message()));
  }
  for (const char* name : {"jku", "x5u", "jwk", "x5c", "crit"}) {
    if (header->contains(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the header of the JWT has \"", name, "\", which is not accepted"));
    }
  }
  const std::optional<JwtAlgorithm> algorithm = ParseAlgorithm(*header);
  if (!algorithm.has_value()) {
    return absl::InvalidArgumentError("the JWT is not signed by RS256, ES256 or EdDSA");
  }
  absl::StatusOr<json> claims = ParseStrictObject(decoded[1]);
  if (!claims.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the claims of the JWT are ", claims.status().message()));
  }
  jwt.algorithm_ = *algorithm;
  if (const auto id = header->find("kid"); id != header->end()) {
    if (!id->is_string()) return absl::InvalidArgumentError("the JWT's key id is no text");
    jwt.key_id_ = id->get<std::string>();
  }
  jwt.claims_ = *std::move(claims);
  if (const auto found = jwt.claims_.find("iss"); found != jwt.claims_.end()) {
    if (!found->is_string()) return absl::InvalidArgumentError("the JWT's issuer is no text");
    jwt.issuer_ = found->get<std::string>();
  }
  const absl::StatusOr<std::optional<absl::Time>> expires = gitops::TimeOf(jwt.claims_, "exp");
  if (!expires.ok()) return expires.status();
  jwt.expires_ = expires->value_or(absl::InfinitePast());
  jwt.signed_text_ = std::string(token.substr(0, parts[0].size() + 1 + parts[1].size()));
  jwt.signature_ = std::move(decoded[2]);
  return jwt;
}

std::string Jwt::subject() const {
  const auto found = claims_.find("sub");
  return found != claims_.end() && found->is_string() ? found->get<std::string>() : "";
}

absl::Status Jwt::Verify(const KeySet& keys, const std::string& audience, absl::Time now) const {
  const absl::StatusOr<EVP_PKEY*> key = keys.Find(algorithm_, key_id_);
  if (absl::IsNotFound(key.status())) return key.status();
  if (!key.ok()) return Refused(key.status().message());
  if (absl::Status signature = VerifySignature(*key); !signature.ok()) return signature;
  if (!IsFor(audience)) {
    return Refused(absl::StrCat("the JWT is not for the audience \"", audience, "\""));
  }
  return VerifyTimes(now);
}

absl::Status Jwt::VerifySignature(EVP_PKEY* key) const {
  const tls::ErrorScope errors;
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = algorithm_ == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  const std::string signature = algorithm_ == JwtAlgorithm::kEs256 ? ToDer(signature_) : signature_;
  const bool good =
      context != nullptr && !signature.empty() &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
      EVP_DigestVerify(
          context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
          reinterpret_cast<const unsigned char*>(signed_text_.data()), signed_text_.size()) == 1;
  return good ? absl::OkStatus() : Refused("the JWT's signature is not of its issuer's key");
}

bool Jwt::IsFor(const std::string& audience) const {
  const auto found = claims_.find("aud");
  if (found == claims_.end()) return false;
  if (found->is_string()) return found->get<std::string>() == audience;
  if (!found->is_array()) return false;
  for (const json& each : *found) {
    if (each.is_string() && each.get<std::string>() == audience) return true;
  }
  return false;
}

absl::Status Jwt::VerifyTimes(absl::Time now) const {
  if (expires_ == absl::InfinitePast()) return Refused("the JWT has no time at which it expires");
  const std::string clock = absl::StrCat("; the clock of this machine says ", tls::TimeText(now));
  if (expires_ + kJwtLeeway <= now) {
    return Refused(absl::StrCat("the JWT expired at ", tls::TimeText(expires_), clock));
  }
  for (const char* name : {"nbf", "iat"}) {
    const absl::StatusOr<std::optional<absl::Time>> begin = gitops::TimeOf(claims_, name);
    if (!begin.ok()) return Refused(begin.status().message());
    if (begin->has_value() && **begin - kJwtLeeway > now) {
      return Refused(absl::StrCat("the JWT is not valid before ", tls::TimeText(**begin), clock));
    }
  }
  return absl::OkStatus();
}

}  // namespace gitops
