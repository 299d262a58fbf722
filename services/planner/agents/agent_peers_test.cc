#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/planner/agents/agent_link.h"

namespace gitops {
namespace {

std::string AddressOf(int i) { return absl::StrCat("127.0.0.1:", 10'000 + i); }

class AgentPeersTest : public ::testing::Test {
 protected:
  AgentPeers peers_{ChannelOptions(), Clock::System(), /*most_idle=*/20, absl::Minutes(5)};
  const SteadyTime now_{absl::Hours(1)};
};

TEST_F(AgentPeersTest, OneAddressHasOnePeer) {
  const auto first = peers_.Get(AddressOf(1), now_);
  const auto again = peers_.Get(AddressOf(1), now_ + absl::Seconds(1));
  const auto other = peers_.Get(AddressOf(2), now_);
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_EQ(*first, *again);
  EXPECT_NE(*first, *other);
  EXPECT_EQ(peers_.size(), 2u);
}

TEST_F(AgentPeersTest, PeersIdleForMinutesAreClosedAndThoseInUseAreKept) {
  const auto held = peers_.Get(AddressOf(1), now_);
  ASSERT_TRUE(peers_.Get(AddressOf(2), now_).ok());
  ASSERT_TRUE(peers_.Get(AddressOf(3), now_ + absl::Minutes(4)).ok());
  ASSERT_TRUE(peers_.Get(AddressOf(4), now_ + absl::Minutes(6)).ok());
  EXPECT_EQ(peers_.size(), 3u);
  EXPECT_EQ(*peers_.Get(AddressOf(1), now_), *held);
}

TEST_F(AgentPeersTest, ThereAreNeverManyIdleOnes) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(peers_.Get(AddressOf(i), now_ + absl::Milliseconds(i)).ok());
    EXPECT_LE(peers_.size(), 21u);
  }
  // The newest are those that stay.
  const size_t before = peers_.size();
  ASSERT_TRUE(peers_.Get(AddressOf(199), now_).ok());
  EXPECT_EQ(peers_.size(), before);
}

TEST_F(AgentPeersTest, WhatCannotBeDialledIsToldAndNotKept) {
  EXPECT_FALSE(peers_.Get("http://x", now_).ok());
  EXPECT_FALSE(peers_.Get("web1.example:8004", now_).ok());
  EXPECT_EQ(peers_.size(), 0u);
}

}  // namespace
}  // namespace gitops
