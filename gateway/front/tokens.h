#ifndef GITOPS_GATEWAY_FRONT_TOKENS_H_
#define GITOPS_GATEWAY_FRONT_TOKENS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/tls/identity.h"
#include "gateway/front/issuers.h"
#include "gateway/front/scope.h"

namespace gitops {

// A row of the token file, which has the hashes of the tokens, not the tokens:
//
//   [[tokens]]
//   name = "ci"
//   role = "operator"                 # viewer, operator, approver, admin
//   sha256 = "9f86d081…"              # of the token
//   expires = 2027-01-31T12:00:00Z    # omitted: never
//   on = ["web*"]                     # omitted, and tagged omitted too: every host
//   tagged = ["prod"]
struct Token {
  std::string name;
  Role role = Role::kViewer;
  std::array<uint8_t, 32> sha256{};
  absl::Time expires = absl::InfiniteFuture();
  HostScope scope;
};

// The tokens of a file, and the issuers of JWTs. Immutable and thread-safe.
class Tokens {
 public:
  Tokens() = default;  // none
  // INVALID_ARGUMENT: all errors, with file and line; never a token or a hash.
  static absl::StatusOr<Tokens> Parse(absl::string_view text, const std::string& file);

  // The row of a token as a client sent it. UNAUTHENTICATED: unknown, or expired at `now`.
  // The time does not depend on which hash is near.
  absl::StatusOr<const Token*> Find(absl::string_view token, absl::Time now) const;

  const std::vector<Token>& all() const { return tokens_; }
  const std::vector<Issuer>& issuers() const { return issuers_; }

 private:
  std::vector<Token> tokens_;
  std::vector<Issuer> issuers_;
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_TOKENS_H_
