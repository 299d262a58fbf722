// What VerifySignature promises for any header X-Signature and body: the first line is the header,
// the rest is the body.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/hmac.h"

namespace {

using namespace gitops;  // NOLINT: a file of its own

constexpr const char* kAlgorithms[] = {"sha224", "sha256", "sha384", "sha512"};

void Expect(bool holds) {
  if (!holds) std::abort();
}

// A right signature is accepted, and nothing that is longer, shorter or of another body.
void CheckRight(const std::string& right, const Secret& key, absl::string_view body) {
  Expect(VerifySignature(right, key, body).ok());
  const size_t hex = right.find('=') + 1;
  Expect(VerifySignature(right.substr(0, hex) + absl::AsciiStrToUpper(right.substr(hex)), key, body)
             .ok());
  for (const std::string& wrong :
       {right + "0", right.substr(0, right.size() - 1), " " + right, right + ",", "=" + right}) {
    Expect(!VerifySignature(wrong, key, body).ok());
  }
  Expect(!VerifySignature(right, key, absl::StrCat(body, "x")).ok());
  Expect(!VerifySignature(right, Secret(key.Reveal() + "x"), body).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::string_view header = text.substr(0, text.find('\n'));
  const absl::string_view body = text.substr(std::min(text.size(), header.size() + 1));
  const Secret key("hunter2");
  const absl::Status verified = VerifySignature(header, key, body);
  const std::string given = absl::AsciiStrToLower(header.substr(header.find('=') + 1));
  bool right_one = false;
  for (const char* algorithm : kAlgorithms) {
    const auto right = Sign(algorithm, key, body);
    Expect(right.ok());
    CheckRight(*right, key, body);
    const std::string hex = right->substr(right->find('=') + 1);
    right_one |= absl::StartsWith(header, absl::StrCat(algorithm, "=")) && given == hex;
    Expect(!absl::StrContains(verified.message(), hex));
  }
  Expect(verified.ok() == right_one);
  Expect(verified.ok() || absl::IsUnauthenticated(verified));
  Expect(verified.message().size() < 300);
  Expect(!VerifySignature(header, Secret(""), body).ok());
  // Of a key's file at most one line break goes.
  const std::string file = HmacKeyFromFile(text).Reveal();
  Expect(absl::StartsWith(text, file) && text.size() - file.size() <= 2);
  return 0;
}
