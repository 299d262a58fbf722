#include "services/planner/record/deployment_id.h"

#include <sys/random.h>

#include <atomic>
#include <cstdint>

#include "absl/strings/str_cat.h"

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
  static std::atomic<uint32_t> next = [] {
    uint32_t first = 0;
    // Without it ids are likelier to be taken, which Create() tells.
    (void)::getrandom(&first, sizeof(first), GRND_NONBLOCK);
    return first;
  }();
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::string DeploymentIdTime(absl::Time time) {
  return absl::FormatTime("%Y%m%d-%H%M%S", time, absl::UTCTimeZone());
}

std::string MakeDeploymentId(absl::Time now) {
  const int64_t millisecond = absl::ToUnixMillis(now) - absl::ToUnixSeconds(now) * 1000;
  return absl::StrCat(DeploymentIdTime(now), "-", Base32(static_cast<uint32_t>(millisecond), 2),
                      Base32(NextCount(), 4));
}

}  // namespace gitops
