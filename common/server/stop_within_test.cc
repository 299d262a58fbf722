#include "common/server/stop_within.h"

#include <gtest/gtest.h>

#include <future>

namespace gitops {
namespace {

TEST(StopWithinTest, AStopThatEndsInTimeIsWaitedFor) {
  bool stopped = false;
  StopWithin(absl::Minutes(1), "gitops-planner", "too late", [&] { stopped = true; });
  EXPECT_TRUE(stopped);
}

TEST(StopWithinTest, AStopThatDoesNotEndMakesTheProcessExitWithOne) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(StopWithin(absl::Milliseconds(20), "gitops-planner", "deployments did not finish",
                         [] { std::promise<void>().get_future().wait(); }),
              testing::ExitedWithCode(1), "deployments did not finish");
}

}  // namespace
}  // namespace gitops
