#include "ctl/output/redrawn_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

TEST(RedrawnBlockTest, FirstLinesReplaceNothing) {
  RedrawnBlock block;
  EXPECT_TRUE(block.empty());
  EXPECT_EQ(block.Replace({"a", "b"}, 80), "a\nb\n");
  EXPECT_FALSE(block.empty());
}

TEST(RedrawnBlockTest, NextLinesStandWhereTheLastOnesStood) {
  RedrawnBlock block;
  block.Replace({"a", "", "c"}, 80);
  EXPECT_EQ(block.Replace({"d"}, 80), "\x1b[3A\x1b[Jd\n");
  EXPECT_EQ(block.Replace({"e"}, 80), "\x1b[1A\x1b[Je\n");
}

TEST(RedrawnBlockTest, LinesThatANarrowerTerminalHasWrappedAreReplacedWhole) {
  RedrawnBlock block;
  // 1, 2 and 3 rows of 10 columns; colours and a wide character's bytes take none.
  block.Replace({"0123456789", "\x1b[32m0123456789\x1b[0ma", "0123456789012345678世"}, 80);
  EXPECT_EQ(block.Replace({"x"}, 10), "\x1b[6A\x1b[Jx\n");
}

TEST(RedrawnBlockTest, WhatIsLeftStays) {
  RedrawnBlock block;
  block.Replace({"a"}, 80);
  block.Leave();
  EXPECT_EQ(block.Replace({"b"}, 80), "b\n");
}

}  // namespace
}  // namespace gitops::ctl
