#include "services/planner/agents/agent_link.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/clock/fake_clock.h"

namespace gitops {
namespace {

TEST(AgentLink, SettingTheWallClockNeitherEndsNorProlongsAPause) {
  FakeClock clock;
  AgentCallerOptions options;
  options.clock = &clock;
  options.insecure = true;
  AgentLink link(options);
  std::atomic<bool> over = false;
  std::thread pausing([&] {
    EXPECT_TRUE(link.Pause(link.Now() + absl::Milliseconds(300), nullptr));
    over = true;
  });
  ASSERT_TRUE(clock.AwaitWaiters(1));
  clock.SetTime(clock.Now() + absl::Hours(1));
  clock.Advance(absl::Milliseconds(299));
  EXPECT_FALSE(over);
  clock.SetTime(clock.Now() - absl::Hours(2));
  clock.Advance(absl::Milliseconds(1));
  pausing.join();
}

TEST(AgentLink, APauseEndsWhenItsCallerGivesUp) {
  AgentLink link({.insecure = true});
  EXPECT_FALSE(link.Pause(link.Now() + absl::Hours(1), [] { return true; }));
}

}  // namespace
}  // namespace gitops
