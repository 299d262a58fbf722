#include "gateway/front/tokens.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

// Every request is compared with each.
constexpr size_t kMaxTokens = 1000;
constexpr size_t kMaxName = 64;
// Of each of `on` and `tagged`.
constexpr size_t kMaxHosts = 100;

// The services show the name with the caller's address in parentheses after it.
bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isgraph(c) && c != '(' && c != ')';
         });
}

bool IsHash(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

// An empty list would be no limit, which is not what its author means.
std::vector<std::string> ReadHosts(const TomlTable& table, const char* key) {
  std::vector<std::string> hosts = table.Strings(key).value_or(std::vector<std::string>());
  const bool has_empty = std::find(hosts.begin(), hosts.end(), "") != hosts.end();
  if (table.Has(key) && (hosts.empty() || has_empty || hosts.size() > kMaxHosts)) {
    table.Fault(key, absl::StrCat("expected 1 to ", kMaxHosts,
                                  " texts that are not empty; leave it out for every host"));
  }
  return hosts;
}

Token ReadToken(const TomlTable& table) {
  Token token;
  token.name = table.Text("name").value_or("");
  if (!table.Has("name")) table.Fault("name", "is missing");
  if (!token.name.empty()) table.SetName(token.name);
  if (!token.name.empty() && !IsName(token.name)) {
    table.Fault("name", absl::StrCat("expected at most ", kMaxName,
                                     " printable ASCII characters without spaces and parentheses"));
  }
  if (!table.Has("role")) table.Fault("role", "is missing");
  if (const auto role = table.Choice("role", {"viewer", "operator", "approver", "admin"})) {
    token.role = *ParseRole(*role);
  }
  const std::string hash = table.String("sha256").value_or("");
  if (IsHash(hash)) {
    const std::string bytes = absl::HexStringToBytes(hash);
    std::memcpy(token.sha256.data(), bytes.data(), bytes.size());
  } else {
    table.Fault("sha256", "expected the SHA-256 of the token in 64 hex digits");
  }
  token.expires = table.Time("expires").value_or(absl::InfiniteFuture());
  token.scope.on = ReadHosts(table, "on");
  token.scope.tagged = ReadHosts(table, "tagged");
  return token;
}

}  // namespace

absl::StatusOr<Tokens> Tokens::Parse(absl::string_view text, const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(text, file);
  if (!root.ok()) return root.status();
  Tokens parsed;
  std::set<std::string> names;
  for (const TomlTable& table : root->Tables("tokens")) {
    Token token = ReadToken(table);
    if (!token.name.empty() && !names.insert(token.name).second) {
      table.Fault("name", "another token has the same name");
    }
    parsed.tokens_.push_back(std::move(token));
    if (parsed.tokens_.size() == kMaxTokens + 1) {
      table.Fault("name", absl::StrCat("the file has more than ", kMaxTokens, " tokens"));
    }
  }
  if (absl::Status status = root->Finish(); !status.ok()) return status;
  return parsed;
}

absl::StatusOr<const Token*> Tokens::Find(absl::string_view token, absl::Time now) const {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  const Token* found = nullptr;
  for (const Token& each : tokens_) {
    if (CRYPTO_memcmp(each.sha256.data(), hash.data(), hash.size()) == 0) found = &each;
  }
  if (found == nullptr) return absl::UnauthenticatedError("the token is not known here");
  if (found->expires <= now) {
    return absl::UnauthenticatedError(
        absl::StrCat("the token \"", found->name, "\" expired at ",
                     absl::FormatTime(absl::RFC3339_sec, found->expires, absl::UTCTimeZone())));
  }
  return found;
}

}  // namespace gitops
