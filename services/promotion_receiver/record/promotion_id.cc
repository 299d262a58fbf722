#include "services/promotion_receiver/record/promotion_id.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace gitops {
namespace {

// In the order of their codes; without letters that are read as digits.
constexpr absl::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kFraction = 4;  // digits
// Without its width, the year would take all digits when it is parsed.
constexpr char kFormat[] = "%E4Y%m%d-%H%M%S";
constexpr int64_t kSecond = 1'000'000;

}  // namespace

std::string PromotionId(int64_t unix_micros) {
  const absl::Time second = absl::FromUnixSeconds(unix_micros / kSecond);
  std::string fraction(kFraction, '0');
  int64_t rest = unix_micros % kSecond;
  for (size_t i = kFraction; i-- > 0; rest /= 32)
    fraction[i] = kDigits[static_cast<size_t>(rest % 32)];
  return absl::StrCat(absl::FormatTime(kFormat, second, absl::UTCTimeZone()), "-", fraction);
}

std::optional<int64_t> PromotionIdMicros(absl::string_view id) {
  if (id.size() <= kFraction + 1) return std::nullopt;
  absl::Time second;
  std::string error;
  const absl::string_view time = id.substr(0, id.size() - kFraction - 1);
  if (!absl::ParseTime(kFormat, time, absl::UTCTimeZone(), &second, &error)) return std::nullopt;
  int64_t rest = 0;
  for (const char c : id.substr(id.size() - kFraction)) {
    const size_t digit = kDigits.find(c);
    if (digit == absl::string_view::npos) return std::nullopt;
    rest = rest * 32 + static_cast<int64_t>(digit);
  }
  const int64_t micros = absl::ToUnixSeconds(second) * kSecond + rest;
  return PromotionId(micros) == id ? std::optional(micros) : std::nullopt;
}

}  // namespace gitops
