#ifndef GITOPS_COMMON_JWT_JWT_H_
#define GITOPS_COMMON_JWT_JWT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/jwt/key_set.h"

namespace gitops {

inline constexpr size_t kMaxJwtBytes = 16 << 10;
// How far the clocks of an issuer and of this machine may differ.
inline constexpr absl::Duration kJwtLeeway = absl::Minutes(1);

// Whether `token` has the form of a JWT: three parts, the first of which begins like JSON.
bool LooksLikeJwt(absl::string_view token);

// A signed JSON Web Token (RFC 7519), with the rules of RFC 8725. Nothing in it is to be believed
// before Verify().
class Jwt {
 public:
  // INVALID_ARGUMENT, without any of its text: it is larger than kMaxJwtBytes, or no token; its
  // algorithm is none of KeySet's; it brings a key of its own, or says where one is (jku, x5u, jwk,
  // x5c); or its header has extensions that must be understood (crit).
  static absl::StatusOr<Jwt> Parse(absl::string_view token);

  // The claim "iss"; empty: it has none.
  const std::string& issuer() const { return issuer_; }
  // The claim "sub"; empty: it has none.
  std::string subject() const;
  const nlohmann::json& claims() const { return claims_; }
  // NEVER past: a token without "exp" is refused by Verify().
  absl::Time expires() const { return expires_; }

  // Whether one of the issuer's keys signed it, it is for `audience`, and valid at `now`, within
  // kJwtLeeway. NOT_FOUND: no key of the token's id, so newer keys may help; UNAUTHENTICATED:
  // anything else. A message about times says what the clock of this machine says.
  absl::Status Verify(const KeySet& keys, const std::string& audience, absl::Time now) const;

 private:
  absl::Status VerifySignature(EVP_PKEY* key) const;
  absl::Status VerifyTimes(absl::Time now) const;
  bool IsFor(const std::string& audience) const;

  JwtAlgorithm algorithm_ = JwtAlgorithm::kRs256;
  std::string key_id_, issuer_;
  std::string signed_text_, signature_;
  nlohmann::json claims_;
  absl::Time expires_ = absl::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_JWT_JWT_H_
