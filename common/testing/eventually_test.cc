#include "common/testing/eventually.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(EventuallyTest, LooksUntilTheConditionHolds) {
  int looks = 0;
  EXPECT_TRUE(Eventually([&] { return ++looks == 3; }));
  EXPECT_EQ(looks, 3);
}

TEST(EventuallyTest, GivesUpAtItsLimit) {
  int looks = 0;
  const auto never = [&] { return ++looks < 0; };
  EXPECT_FALSE(Eventually(never, absl::Milliseconds(5)));
  EXPECT_GT(looks, 0);
}

}  // namespace
}  // namespace gitops
