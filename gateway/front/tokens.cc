#include "gateway/front/tokens.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/config/toml.h"

namespace gitops {
namespace {

// Every request is compared with each.
constexpr size_t kMaxTokens = 1000;
bool IsHash(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

Token ReadToken(const TomlTable& table) {
  Token token;
  token.name = ReadName(table);
  token.role = ReadRole(table);
  const std::string hash = table.String("sha256").value_or("");
  if (IsHash(hash)) {
    const std::string bytes = absl::HexStringToBytes(hash);
    std::memcpy(token.sha256.data(), bytes.data(), bytes.size());
  } else {
    table.Fault("sha256", "expected the SHA-256 of the token in 64 hex digits");
  }
  token.expires = table.Time("expires").value_or(absl::InfiniteFuture());
  token.scope = ReadScope(table);
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
  parsed.issuers_ = ReadIssuers(*root);
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
