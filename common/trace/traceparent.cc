#include "common/trace/traceparent.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/text/random_hex.h"

namespace gitops {
namespace {

constexpr size_t kLength = 55;

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

bool IsZero(absl::string_view text) {
  return text.find_first_not_of('0') == absl::string_view::npos;
}

}  // namespace

bool IsTraceparent(absl::string_view text) {
  if (text.size() != kLength || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-') {
    return false;
  }
  const absl::string_view trace = text.substr(3, 32), span = text.substr(36, 16);
  return IsHex(trace) && IsHex(span) && IsHex(text.substr(53)) && !IsZero(trace) && !IsZero(span);
}

std::string NewTraceparent() {
  std::string digits = RandomHex(48);
  // Neither may be all zeros.
  digits.front() = digits[32] = '1';
  return absl::StrCat("00-", digits.substr(0, 32), "-", digits.substr(32, 16), "-01");
}

std::string TraceparentOrNew(absl::string_view text) {
  return IsTraceparent(text) ? std::string(text) : NewTraceparent();
}

}  // namespace gitops
