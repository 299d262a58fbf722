#include <openssl/rand.h>
#include <openssl/sha.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "ctl/commands/promotion_commands.h"
#include "ctl/output/document.h"

namespace gitops::ctl {
namespace {

constexpr size_t kTokenBytes = 32;
// So that people and scanners of secrets recognize it.
constexpr char kPrefix[] = "gitops_";

absl::StatusOr<std::string> NewToken() {
  unsigned char random[kTokenBytes];
  if (RAND_bytes(random, sizeof(random)) != 1) {
    return absl::InternalError("OpenSSL has no random numbers");
  }
  return absl::StrCat(kPrefix, absl::WebSafeBase64Escape(absl::string_view(
                                   reinterpret_cast<const char*>(random), sizeof(random))));
}

std::string Sha256Of(const std::string& text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash), sizeof(hash)));
}

// Empty: never.
std::string ExpiryOf(const Flags& flags) {
  if (flags.token_lifetime == absl::InfiniteDuration()) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now() + flags.token_lifetime,
                          absl::UTCTimeZone());
}

template <typename Texts>
Json ListOf(const Texts& texts) {
  return std::vector<std::string>(texts.begin(), texts.end());
}

// Empty: no such limit.
template <typename Texts>
std::string TomlList(absl::string_view key, const Texts& texts) {
  if (texts.empty()) return "";
  // The escapes of JSON are those of TOML.
  return absl::StrCat(key, " = ", ListOf(texts).dump(), "\n");
}

std::string TomlBlock(const Flags& flags, const std::string& hash, const std::string& expiry) {
  return absl::StrCat("[[tokens]]\nname = \"", flags.token_name, "\"\nrole = \"", flags.token_role,
                      "\"\nsha256 = \"", hash, "\"\n",
                      expiry.empty() ? "" : absl::StrCat("expires = ", expiry, "\n"),
                      TomlList("on", flags.spec.selection().on()),
                      TomlList("tagged", flags.spec.selection().tagged()));
}

}  // namespace

absl::StatusOr<ExitCode> CreateToken(const Invocation& invocation, Console& console) {
  const Flags& flags = invocation.flags;
  const absl::StatusOr<std::string> token = NewToken();
  if (!token.ok()) return token.status();
  const std::string hash = Sha256Of(*token);
  const std::string expiry = ExpiryOf(flags);
  const Json tree = {{"token", *token},
                     {"name", flags.token_name},
                     {"role", flags.token_role},
                     {"sha256", hash},
                     {"expires", expiry.empty() ? Json(nullptr) : Json(expiry)},
                     {"on", ListOf(flags.spec.selection().on())},
                     {"tagged", ListOf(flags.spec.selection().tagged())}};
  switch (flags.output) {
    case OutputForm::kJson:
      console.out << JsonText(tree);
      break;
    case OutputForm::kYaml:
      console.out << YamlText(tree);
      break;
    case OutputForm::kName:
      console.out << *token << "\n";
      break;
    default:
      console.out << *token << "\n\n" << TomlBlock(flags, hash, expiry);
  }
  console.out << std::flush;
  console.err << "gitopsctl: the token is shown only now; add the block with its hash to the "
                 "gateway's --tokens file\n";
  return kDone;
}

}  // namespace gitops::ctl
