#include "common/sync/side_by_side.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "common/sync/mutex.h"

namespace gitops {
namespace {

TEST(SideBySideTest, EachIsRunOnce) {
  std::vector<std::atomic<int>> runs(1000);
  SideBySide(1000, 8, [&](int i) { ++runs[i]; });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(SideBySideTest, SoManyRunAtATimeAndNoMore) {
  Mutex mutex;
  CondVar changed;
  int running = 0, peak = 0, begun = 0;
  SideBySide(12, 4, [&](int) {
    MutexLock lock(mutex);
    peak = std::max(peak, ++running);
    ++begun;
    changed.NotifyAll();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    // Nobody ends before four have come, or before all have begun.
    while (peak < 4 && begun < 12 && changed.WaitUntil(mutex, deadline)) {
    }
    --running;
  });
  EXPECT_EQ(peak, 4);
}

TEST(SideBySideTest, NothingToRunIsNoFault) {
  SideBySide(0, 4, [](int) { FAIL(); });
}

}  // namespace
}  // namespace gitops
