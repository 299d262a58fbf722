#include "services/planner/record/record_keys.h"

#include <atomic>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/text/random_hex.h"

namespace gitops {
namespace {

// In the order of their codes; without letters that are read as digits.
constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";

std::string Base32(uint32_t number, int digits) {
  std::string text(static_cast<size_t>(digits), '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number /= 32) {
    *digit = kDigits[number % 32];
  }
  return text;
}

uint32_t NextCount() {
  static std::atomic<uint32_t> next =
      static_cast<uint32_t>(std::stoul(RandomHex(8), nullptr, /*base=*/16));
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::string HostName(absl::string_view id, int index) {
  return absl::StrFormat("%s/%06d", id, index);
}

std::string StepNames(absl::string_view id, int index) {
  return absl::StrCat(HostName(id, index), "/");
}

std::string StepName(absl::string_view id, int index, int number) {
  return absl::StrFormat("%s/%03d", HostName(id, index), number);
}

std::string CallName(absl::string_view id, int number) {
  return absl::StrFormat("%s/%04d", id, number);
}

std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key) {
  if (!absl::ConsumePrefix(&key, prefix)) return std::nullopt;
  int number = 0;
  if (!absl::SimpleAtoi(key.substr(0, key.find('/')), &number) || number < 0) return std::nullopt;
  return number;
}

std::string DeploymentIdTime(absl::Time time) {
  return absl::FormatTime("%Y%m%d-%H%M%S", time, absl::UTCTimeZone());
}

std::string MakeDeploymentId(absl::Time now) {
  const int64_t millisecond = absl::ToUnixMillis(now) - absl::ToUnixSeconds(now) * 1000;
  return absl::StrCat(DeploymentIdTime(now), "-", Base32(static_cast<uint32_t>(millisecond), 2),
                      Base32(NextCount(), 4));
}

absl::Status CheckId(absl::string_view id) {
  if (!id.empty() && !absl::StrContains(id, '/')) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("store the deployment \"", id, "\": its id is empty or has a '/'"));
}

absl::Status CheckIndex(absl::string_view id, int index) {
  if (index >= 0 && index < kMostHosts) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("store host ", index, " of the deployment ", id,
                                                 ": hosts are numbered from 0 to ",
                                                 kMostHosts - 1));
}

}  // namespace gitops
