#include "common/log/log_ring.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LogRingTest, KeepsTheNewestLinesOldestFirst) {
  LogRing ring(2, 1000);
  EXPECT_THAT(ring.Lines(), IsEmpty());
  for (const char* line : {"one", "two", "three"}) ring.Add(line);
  EXPECT_THAT(ring.Lines(), ElementsAre("two", "three"));
}

TEST(LogRingTest, KeepsNoMoreBytesThanItsLimit) {
  LogRing ring(1000, 400);
  for (int i = 0; i < 300; ++i) ring.Add(i < 299 ? "abcd" : "last");
  EXPECT_EQ(ring.Lines().size(), 100u);
  EXPECT_EQ(ring.Lines().back(), "last");
}

TEST(LogRingTest, CutsALongLineBetweenTwoCharacters) {
  LogRing ring(1000, 400);
  ring.Add("ab\u20ac\u20ac");
  EXPECT_THAT(ring.Lines(), ElementsAre("ab"));
}

}  // namespace
}  // namespace gitops
