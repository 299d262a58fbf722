#include "common/http/rate_limiter.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cmath>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

namespace ip = boost::asio::ip;

constexpr absl::Duration kSweepEvery = absl::Seconds(1);
constexpr double kMost = 1e6;

bool ReadNumber(absl::string_view text, double& number) {
  return absl::SimpleAtod(text, &number) && std::isfinite(number) && number >= 0 && number <= kMost;
}

}  // namespace

absl::StatusOr<RateLimit> ParseRateLimit(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  RateLimit limit;
  bool good = ReadNumber(absl::StripSuffix(parts[0], "/s"), limit.per_second);
  limit.burst = std::max(1.0, 10 * limit.per_second);
  if (parts.size() == 2) good = good && ReadNumber(parts[1], limit.burst) && limit.burst >= 1;
  if (good) return limit;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a rate such as 50/s or 50/s:500 (with a burst of 500)"));
}

std::string RateKey(const std::string& address) {
  boost::system::error_code error;
  const ip::address parsed = ip::make_address(address, error);
  if (error || parsed.is_v4()) return address;
  return ip::network_v6(parsed.to_v6(), 64).canonical().to_string();
}

absl::Duration RateLimiter::Take(const std::string& key, SteadyTime now) {
  if (limit_.per_second <= 0) return absl::ZeroDuration();
  const absl::Duration each = absl::Seconds(1) / limit_.per_second;
  const absl::Duration window = each * limit_.burst;
  MutexLock lock(mutex_);
  auto found = full_at_.find(key);
  if (found == full_at_.end()) {
    if (full_at_.size() >= max_keys_) Sweep(now);
    found = full_at_.try_emplace(full_at_.size() < max_keys_ ? key : "", now).first;
  }
  SteadyTime& full_at = found->second;
  const SteadyTime after = std::max(full_at, now) + each;
  if (after - now > window) return after - now - window;
  full_at = after;
  Sweep(now);
  return absl::ZeroDuration();
}

void RateLimiter::Sweep(SteadyTime now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepEvery;
  std::erase_if(full_at_, [&](const auto& entry) { return entry.second <= now; });
}

}  // namespace gitops
