#ifndef GITOPS_COMMON_JWT_SIGNER_H_
#define GITOPS_COMMON_JWT_SIGNER_H_

#include <nlohmann/json.hpp>
#include <string>

#include "common/jwt/key_set.h"
#include "common/tls/openssl.h"

namespace gitops {

// For tests: an issuer's key, and the tokens that it signs.
class JwtSigner {
 public:
  explicit JwtSigner(JwtAlgorithm algorithm, std::string id = "key-1", int rsa_bits = 2048);

  // Its public key, as in a key set.
  nlohmann::json PublicKey() const;
  // {"keys": […]} of this key alone.
  std::string KeySetText() const;
  // A token with these claims. `header`: members beside or instead of alg, typ and kid.
  std::string Sign(const nlohmann::json& claims,
                   const nlohmann::json& header = nlohmann::json::object()) const;
  // The same with the texts of both parts as they are.
  std::string SignTexts(const std::string& header, const std::string& claims) const;

 private:
  const JwtAlgorithm algorithm_;
  const std::string id_;
  tls::Key key_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_JWT_SIGNER_H_
