#include "agent/controller/watch_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace gitops {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(WatchHub, EveryWatcherIsToldOnceHoweverOftenAServiceChanged) {
  WatchHub hub(4);
  auto quick = *hub.Watch();
  auto slow = *hub.Watch();
  hub.Changed("web");
  EXPECT_THAT(quick->Next(), ElementsAre("web"));
  hub.Changed("web");
  hub.Changed("db");
  EXPECT_THAT(quick->Next(), ElementsAre("db", "web"));
  EXPECT_THAT(slow->Next(), ElementsAre("db", "web"));
  EXPECT_THAT(slow->Next(), IsEmpty()) << "after its wait, so that the caller can look around";
}

TEST(WatchHub, AWatcherSeesNothingFromBeforeItBegan) {
  WatchHub hub(4);
  hub.Changed("web");
  auto watcher = *hub.Watch();
  EXPECT_THAT(watcher->Next(), IsEmpty());
}

TEST(WatchHub, AWaitingWatcherIsWoken) {
  WatchHub hub(4);
  auto watcher = *hub.Watch();
  auto told = std::async(std::launch::async, [&] {
    std::set<std::string> names;
    while (names.empty()) names = watcher->Next();
    return names;
  });
  hub.Changed("web");
  ASSERT_EQ(told.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_THAT(told.get(), ElementsAre("web"));
}

TEST(WatchHub, ThereIsALimitAndWhoLeavesMakesRoom) {
  WatchHub hub(1);
  auto first = *hub.Watch();
  const absl::Status refused = hub.Watch().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("1 watchers"));
  first.reset();
  EXPECT_TRUE(hub.Watch().ok());
}

TEST(WatchHub, ClosingEndsAllWatches) {
  WatchHub hub(4);
  auto watcher = *hub.Watch();
  EXPECT_FALSE(watcher->closed());
  hub.Changed("web");
  hub.Close();
  EXPECT_TRUE(watcher->closed());
  EXPECT_THAT(watcher->Next(), ElementsAre("web")) << "what was not told yet is not lost";
  EXPECT_EQ(hub.Watch().status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gitops
