#ifndef GITOPS_COMMON_JWT_KEY_SET_H_
#define GITOPS_COMMON_JWT_KEY_SET_H_

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The signature algorithms of tokens that are believed. Each kind of key has one, so a token cannot
// choose how its signature is checked. There is no HMAC: its key would be one that anybody has.
enum class JwtAlgorithm { kRs256, kEs256, kEdDsa };

// "RS256", as in the header of a token.
absl::string_view JwtAlgorithmName(JwtAlgorithm algorithm);

inline constexpr size_t kMaxKeys = 100;

// The public keys of an issuer: a JSON Web Key Set (RFC 7517), of which the keys of RSA from 2,048
// bits on, P-256 and Ed25519 are used. Immutable and thread-safe; copies share the keys.
class KeySet {
 public:
  // Keys of other kinds, for other uses, or too weak are left out. INVALID_ARGUMENT: it is no key
  // set, has more than kMaxKeys keys, a key that is damaged, or none that can be used.
  static absl::StatusOr<KeySet> Parse(absl::string_view json);

  // The key for a token's header. NOT_FOUND: there is none of that `id` for the algorithm. Without
  // an id: the only key of the algorithm; INVALID_ARGUMENT: there are several.
  absl::StatusOr<EVP_PKEY*> Find(JwtAlgorithm algorithm, absl::string_view id) const;
  size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string id;  // may be empty
    JwtAlgorithm algorithm;
    std::shared_ptr<EVP_PKEY> key;
  };
  std::vector<Key> keys_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_JWT_KEY_SET_H_
