#include "common/testing/eventually.h"

#include <chrono>

#include "absl/time/clock.h"

namespace gitops {

bool Eventually(absl::FunctionRef<bool()> condition, absl::Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(limit);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

}  // namespace gitops
