#ifndef GITOPS_GATEWAY_FRONT_ISSUERS_H_
#define GITOPS_GATEWAY_FRONT_ISSUERS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/toml.h"
#include "common/jwt/jwt.h"
#include "common/text/glob.h"
#include "common/tls/identity.h"
#include "gateway/front/scope.h"

namespace gitops {

// What a JWT with these claims may do.
struct ClaimRule {
  // Each claim must be there and match its glob. The name of a claim, or a JSON pointer ("/a/b").
  std::map<std::string, Glob> claims;
  Role role = Role::kViewer;
  HostScope scope;
};

// An OpenID issuer whose JWTs are taken as tokens: a row of the token file.
//
//   [[issuers]]
//   name = "github"                    # begins the names of its callers: "github:repo:acme/ops"
//   issuer = "https://token.actions.githubusercontent.com"   # exactly its claim "iss"
//   audience = "https://gitops.example"                      # must be in its claim "aud"
//   jwks_file = "/etc/gitops/github-keys.json"   # omitted: the issuer is asked for its keys
//   ca_file = "/etc/gitops/ci-ca.crt"            # omitted: the system's authorities
//   [[issuers.rules]]                  # the first whose claims all match decides
//   claims = { repository = "acme/ops", ref = "{refs/heads/main,refs/tags/v*}" }   # globs
//   role = "operator"
//   on = ["web*"]                      # as of a token; so is tagged
struct Issuer {
  std::string name, issuer, audience, jwks_file, ca_file;
  std::vector<ClaimRule> rules;
};

// Reports faults to `root`.
std::vector<Issuer> ReadIssuers(const TomlTable& root);

// The rule for a verified JWT. PERMISSION_DENIED: none matches.
absl::StatusOr<const ClaimRule*> FindRule(const Issuer& issuer, const Jwt& jwt);

// "github:repo:acme/ops:ref:refs/heads/main": the issuer's name and the subject, with what cannot
// be in a caller's name as "%20".
std::string CallerName(const Issuer& issuer, const Jwt& jwt);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_ISSUERS_H_
