#ifndef GITOPS_COMMON_HTTP_RATE_LIMITER_H_
#define GITOPS_COMMON_HTTP_RATE_LIMITER_H_

#include <cstddef>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/steady_time.h"
#include "common/sync/mutex.h"

namespace gitops {

struct RateLimit {
  double per_second = 50;  // 0: no limit
  double burst = 500;
};

// "50" or "50/s", with a burst of ten times as many, or "50/s:100" with a burst of 100; "0": no
// limit. INVALID_ARGUMENT names the text.
absl::StatusOr<RateLimit> ParseRateLimit(absl::string_view text);

// What a limit of an address counts: an IPv4 address, or the /64 of an IPv6 address, since one
// client usually has all addresses of it.
std::string RateKey(const std::string& address);

// Limits how often each key may do something. Forgets a key as soon as its full burst is available
// again, and keeps at most `max_keys`; beyond that, new keys share one limit. Thread-safe.
class RateLimiter {
 public:
  static constexpr size_t kMaxKeys = 100'000;

  explicit RateLimiter(RateLimit limit, size_t max_keys = kMaxKeys)
      : limit_(limit), max_keys_(max_keys) {}

  // Zero: `key` may act now, and it is counted. Else the time until it may; nothing is counted.
  absl::Duration Take(const std::string& key, SteadyTime now);

  size_t size() const {
    MutexLock lock(mutex_);
    return full_at_.size();
  }

 private:
  void Sweep(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RateLimit limit_;
  const size_t max_keys_;
  mutable Mutex mutex_;
  // When each key has its full burst again, if it does nothing until then.
  std::unordered_map<std::string, SteadyTime> full_at_ ABSL_GUARDED_BY(mutex_);
  SteadyTime next_sweep_ ABSL_GUARDED_BY(mutex_) = SteadyTime::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RATE_LIMITER_H_
