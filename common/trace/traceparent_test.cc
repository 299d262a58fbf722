#include "common/trace/traceparent.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

constexpr char kValid[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

TEST(TraceparentTest, IsThatOfW3c) {
  EXPECT_TRUE(IsTraceparent(kValid));
  for (const char* bad : {
           "",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\n",
           "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
       }) {
    EXPECT_FALSE(IsTraceparent(bad)) << bad;
  }
}

TEST(TraceparentTest, ANewOneIsValidAndOfItsOwn) {
  const std::string made = NewTraceparent();
  EXPECT_TRUE(IsTraceparent(made)) << made;
  EXPECT_NE(made, NewTraceparent());
}

TEST(TraceparentTest, AValidOneIsKeptAndAnyOtherReplaced) {
  EXPECT_EQ(TraceparentOrNew(kValid), kValid);
  const std::string made = TraceparentOrNew("nonsense");
  EXPECT_TRUE(IsTraceparent(made)) << made;
}

}  // namespace
}  // namespace gitops
