#include "gateway/front/issuers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/http/client.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

using nlohmann::json;

constexpr size_t kMaxIssuers = 20;
constexpr size_t kMaxRules = 100;
// Of a caller's name. OpenID's subjects have at most 255 bytes.
constexpr size_t kMaxCallerName = 400;

ClaimRule ReadRule(const TomlTable& table) {
  ClaimRule rule;
  rule.role = ReadRole(table);
  rule.scope = ReadScope(table);
  for (const auto& [claim, pattern] : table.StringMap("claims")) {
    absl::StatusOr<Glob> glob = Glob::Parse(pattern);
    if (!glob.ok()) {
      table.Fault("claims", absl::StrCat(claim, ": ", glob.status().message()));
    } else {
      rule.claims.emplace(claim, *std::move(glob));
    }
  }
  if (rule.claims.empty()) {
    table.Fault("claims",
                "a rule without claims would admit everybody to whom the issuer gives a "
                "JWT; name at least one, as { repository = \"acme/ops\" }");
  }
  return rule;
}

Issuer ReadIssuer(const TomlTable& table) {
  Issuer issuer;
  issuer.name = ReadName(table);
  for (const auto& [key, value] :
       {std::pair{"issuer", &issuer.issuer}, std::pair{"audience", &issuer.audience}}) {
    if (!table.Has(key)) table.Fault(key, "is missing");
    *value = table.Text(key).value_or("");
  }
  issuer.jwks_file = table.Text("jwks_file").value_or("");
  issuer.ca_file = table.Text("ca_file").value_or("");
  const absl::Status url = issuer.jwks_file.empty() && !issuer.issuer.empty()
                               ? CheckRequestUrl(issuer.issuer)
                               : absl::OkStatus();
  if (!url.ok()) {
    table.Fault("issuer", absl::StrCat("its keys cannot be asked for there (", url.message(),
                                       "); name jwks_file if they are in a file"));
  }
  for (const TomlTable& rule : table.Tables("rules")) {
    issuer.rules.push_back(ReadRule(rule));
    if (issuer.rules.size() == kMaxRules + 1) {
      rule.Fault("claims", absl::StrCat("the issuer has more than ", kMaxRules, " rules"));
    }
  }
  if (issuer.rules.empty()) table.Fault("rules", "is missing: without one nobody is admitted");
  return issuer;
}

const json* Claim(const json& claims, const std::string& name) {
  if (!absl::StartsWith(name, "/")) {
    const auto found = claims.find(name);
    return found == claims.end() ? nullptr : &*found;
  }
  const json* at = &claims;
  for (absl::string_view rest = name; !rest.empty();) {
    rest.remove_prefix(1);
    const absl::string_view word = rest.substr(0, rest.find('/'));
    rest.remove_prefix(word.size());
    const auto found = at->is_object() ? at->find(std::string(word)) : at->end();
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

bool Matches(const json& claim, const Glob& glob) {
  if (claim.is_string()) return glob.Matches(claim.get<std::string>());
  if (claim.is_boolean() || claim.is_number_integer()) return glob.Matches(claim.dump());
  return claim.is_array() && std::any_of(claim.begin(), claim.end(), [&glob](const json& each) {
           return each.is_string() && glob.Matches(each.get<std::string>());
         });
}

}  // namespace

std::vector<Issuer> ReadIssuers(const TomlTable& root) {
  std::vector<Issuer> issuers;
  std::set<std::string> names, urls;
  for (const TomlTable& table : root.Tables("issuers")) {
    Issuer issuer = ReadIssuer(table);
    if (!issuer.name.empty() && !names.insert(issuer.name).second) {
      table.Fault("name", "another issuer has the same name");
    }
    if (!issuer.issuer.empty() && !urls.insert(issuer.issuer).second) {
      table.Fault("issuer", "another row is about the same issuer; add a rule to it");
    }
    issuers.push_back(std::move(issuer));
    if (issuers.size() == kMaxIssuers + 1) {
      table.Fault("name", absl::StrCat("the file has more than ", kMaxIssuers, " issuers"));
    }
  }
  return issuers;
}

absl::StatusOr<const ClaimRule*> FindRule(const Issuer& issuer, const Jwt& jwt) {
  for (const ClaimRule& rule : issuer.rules) {
    const bool all = std::all_of(rule.claims.begin(), rule.claims.end(), [&jwt](const auto& each) {
      const json* claim = Claim(jwt.claims(), each.first);
      return claim != nullptr && Matches(*claim, each.second);
    });
    if (all) return &rule;
  }
  return MakeError(
      Reason::kPermissionDenied,
      absl::StrCat("no rule of the issuer \"", issuer.name,
                   "\" in the token file matches the claims of ", CallerName(issuer, jwt)));
}

std::string CallerName(const Issuer& issuer, const Jwt& jwt) {
  std::string name = issuer.name + ":";
  for (const unsigned char c : jwt.subject()) {
    if (absl::ascii_isgraph(c) && c != '(' && c != ')' && c != '%') {
      name += static_cast<char>(c);
    } else {
      absl::StrAppendFormat(&name, "%%%02X", c);
    }
    if (name.size() >= kMaxCallerName) break;
  }
  return name;
}

}  // namespace gitops
