#include "agent/nix/store_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr absl::string_view kBase32 = "0123456789abcdfghijklmnpqrsvwxyz";
constexpr size_t kHash = 32;
constexpr size_t kLongestName = 211;
// Of a path that somebody sent, in a message.
constexpr size_t kShown = 300;

bool IsOf(absl::string_view text, absl::string_view characters) {
  return text.find_first_not_of(characters) == absl::string_view::npos;
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::string_view("+-._?=").find(c) != absl::string_view::npos;
         });
}

}  // namespace

absl::Status CheckStorePath(absl::string_view path, absl::string_view store) {
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", EscapeText(path.substr(0, kShown)), "\" is no store path: ", why));
  };
  if (path.empty()) return refuse("it is empty");
  absl::string_view name = path;
  if (!absl::ConsumePrefix(&name, store) || !absl::ConsumePrefix(&name, "/")) {
    return refuse(absl::StrCat("it is not in ", store));
  }
  if (name.size() <= kHash || name[kHash] != '-' || !IsOf(name.substr(0, kHash), kBase32)) {
    return refuse("it does not begin with a hash of 32 characters and \"-\"");
  }
  if (!IsName(name.substr(kHash + 1))) {
    return refuse("its name is empty, too long, or has characters that Nix does not allow");
  }
  return absl::OkStatus();
}

std::string RevisionOf(absl::string_view path, absl::string_view store) {
  const absl::string_view hash = path.substr(store.size() + 1, kHash);
  std::string bytes(kHash * 5 / 8, '\0');
  // The last character has the least significant bits.
  for (size_t n = 0; n < hash.size(); ++n) {
    const unsigned digit = static_cast<unsigned>(kBase32.find(hash[hash.size() - n - 1]));
    const size_t byte = n * 5 / 8, bit = n * 5 % 8;
    bytes[byte] = static_cast<char>(static_cast<unsigned char>(bytes[byte]) | (digit << bit));
    if (byte + 1 < bytes.size()) {
      bytes[byte + 1] =
          static_cast<char>(static_cast<unsigned char>(bytes[byte + 1]) | (digit >> (8 - bit)));
    }
  }
  return absl::BytesToHexString(bytes);
}

}  // namespace gitops
