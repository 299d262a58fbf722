#include "services/planner/agents/agent_channels.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::string AddressOf(int i) { return absl::StrCat("127.0.0.1:", 10'000 + i); }

class AgentChannelsTest : public ::testing::Test {
 protected:
  AgentChannels channels_{ChannelOptions(), /*most_idle=*/20, absl::Minutes(5)};
  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
};

TEST_F(AgentChannelsTest, OneAddressHasOneChannel) {
  const auto first = channels_.Get(AddressOf(1), now_);
  const auto again = channels_.Get(AddressOf(1), now_ + absl::Seconds(1));
  const auto other = channels_.Get(AddressOf(2), now_);
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_EQ(*first, *again);
  EXPECT_NE(*first, *other);
  EXPECT_EQ(channels_.size(), 2u);
}

TEST_F(AgentChannelsTest, ADroppedChannelIsMadeAnewAndOnlyOnce) {
  const auto first = channels_.Get(AddressOf(1), now_);
  channels_.Drop(AddressOf(1), *first);
  const auto second = channels_.Get(AddressOf(1), now_);
  EXPECT_NE(*first, *second);
  channels_.Drop(AddressOf(1), *first);  // late, by another caller
  EXPECT_EQ(*channels_.Get(AddressOf(1), now_), *second);
}

TEST_F(AgentChannelsTest, ChannelsIdleForMinutesAreDroppedAndThoseInUseAreKept) {
  const auto held = channels_.Get(AddressOf(1), now_);
  ASSERT_TRUE(channels_.Get(AddressOf(2), now_).ok());
  ASSERT_TRUE(channels_.Get(AddressOf(3), now_ + absl::Minutes(4)).ok());
  ASSERT_TRUE(channels_.Get(AddressOf(4), now_ + absl::Minutes(6)).ok());
  EXPECT_EQ(channels_.size(), 3u);
  EXPECT_EQ(*channels_.Get(AddressOf(1), now_), *held);
}

TEST_F(AgentChannelsTest, ThereAreNeverManyIdleOnes) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(channels_.Get(AddressOf(i), now_ + absl::Milliseconds(i)).ok());
    EXPECT_LE(channels_.size(), 21u);
  }
  // The newest are those that stay.
  const size_t before = channels_.size();
  ASSERT_TRUE(channels_.Get(AddressOf(199), now_).ok());
  EXPECT_EQ(channels_.size(), before);
}

TEST_F(AgentChannelsTest, WhatCannotBeDialledIsToldAndNotKept) {
  EXPECT_FALSE(channels_.Get("http://x", now_).ok());
  EXPECT_FALSE(channels_.Get("web1.example:8004", now_).ok());
  EXPECT_EQ(channels_.size(), 0u);
}

}  // namespace
}  // namespace gitops
