#include "agent/report/reporter.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "agent/report/reporter_test_base.h"

namespace gitops {
namespace {

using Services = std::map<std::string, std::string>;

TEST_F(ReporterTest, TheHelloHoldsEverythingAndChangesFollowAtOnce) {
  Set("nginx", "a");
  Set("db", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  EXPECT_EQ(Believed(), (Services{{"db", "a"}, {"nginx", "a"}}));
  Set("nginx", "b");
  Remove("db");
  // No time passes on the agent's clock.
  EXPECT_TRUE(Eventually([&] { return Believed() == Services{{"nginx", "b"}}; }));
  EXPECT_EQ(planner_.streams(), 1);
}

TEST_F(ReporterTest, AnotherConfigurationIsToldWithoutAnyService) {
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->ConfigChanged();
  EXPECT_TRUE(Eventually([&] {
    const v1::ReportRequest last = planner_.told().back();
    return last.has_changed() && last.changed().config().hash() == "f00" &&
           last.changed().services().empty();
  }));
}

TEST_F(ReporterTest, HeartbeatsComeWithinTheIntervalThatThePlannerAsksFor) {
  Start();
  ASSERT_TRUE(AwaitConnected());
  // 30 s, less half of a third.
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(25)));
  clock_.Advance(absl::Milliseconds(24'900));
  EXPECT_EQ(planner_.Heartbeats(), 0);
  clock_.Advance(absl::Milliseconds(200));
  EXPECT_TRUE(Eventually([&] { return planner_.Heartbeats() == 1; }));
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(24)));
  // What is said anyway is a sign of life too.
  clock_.Advance(absl::Seconds(20));
  Set("nginx", "b");
  ASSERT_TRUE(Eventually([&] { return Believed().contains("nginx"); }));
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(25)));
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(planner_.Heartbeats(), 1);
}

TEST_F(ReporterTest, AClockThatIsSetChangesNoPause) {
  Start();
  ASSERT_TRUE(AwaitConnected());
  const absl::Duration pause = absl::Seconds(25);
  ASSERT_EQ(clock_.AwaitDeadlineBy(clock_.Now() + pause), clock_.Now() + pause);
  for (const absl::Duration step : {-absl::Hours(1), absl::Hours(2)}) {
    clock_.SetTime(clock_.Now() + step);
    // Has the reporter look at the time.
    const std::string hash = absl::FormatDuration(step);
    Set("nginx", hash);
    ASSERT_TRUE(Eventually([&] { return Believed()["nginx"] == hash; }));
    ASSERT_EQ(clock_.AwaitDeadlineBy(clock_.Now() + pause), clock_.Now() + pause);
    EXPECT_EQ(planner_.Heartbeats(), 0);
  }
  clock_.Advance(pause);
  EXPECT_TRUE(Eventually([&] { return planner_.Heartbeats() == 1; }));
}

TEST_F(ReporterTest, WhatChangedWhileThePlannerWasAwayIsThereWhenItIsBack) {
  Set("nginx", "a");
  Set("db", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  StopPlanner();
  ASSERT_TRUE(Eventually([&] { return !connected(); }));
  Set("nginx", "b");
  Set("nginx", "c");
  Remove("db");
  Set("new", "a");
  Serve(address_);
  clock_.Advance(AwaitBackOff());
  EXPECT_TRUE(AwaitConnected());
  EXPECT_EQ(Believed(), (Services{{"new", "a"}, {"nginx", "c"}}));
}

TEST_F(ReporterTest, APlannerThatRefusesIsAskedLessAndLess) {
  planner_.Refuse(true);
  Start();
  int streams = 0;
  absl::Duration pause;
  for (const double seconds : {0.6, 1.1, 2.1, 4.1, 5.1, 5.1}) {  // random is 0.5
    clock_.Advance(pause);
    ++streams;
    ASSERT_TRUE(Eventually([&] { return planner_.streams() == streams; })) << streams;
    pause = AwaitBackOff();
    EXPECT_EQ(pause, absl::Seconds(seconds)) << streams;
  }
  EXPECT_FALSE(connected());
  planner_.Refuse(false);
  clock_.Advance(pause);
  EXPECT_TRUE(AwaitConnected());
}

TEST_F(ReporterTest, APlannerThatHangsIsGivenUpAndHoldsUpNobody) {
  planner_.Hang(true);
  Start();
  ASSERT_TRUE(Eventually([&] { return planner_.streams() == 1; }));
  // The planner hangs until it is told not to: if it held these up, the test would never end.
  for (int i = 0; i < 1000; ++i) Set("nginx", std::to_string(i));
  clock_.Advance(absl::Seconds(10));
  const absl::Duration pause = AwaitBackOff();
  planner_.Hang(false);
  clock_.Advance(pause);
  ASSERT_TRUE(AwaitConnected());
  EXPECT_EQ(planner_.streams(), 2);
  EXPECT_TRUE(Eventually([&] { return Believed()["nginx"] == "999"; }));
}

TEST_F(ReporterTest, RenewBeginsAnewAtOnce) {
  Set("nginx", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->Renew();
  EXPECT_TRUE(Eventually([&] { return planner_.streams() == 2; }));
  EXPECT_TRUE(AwaitConnected());
}

TEST_F(ReporterTest, StopsWhateverThePlannerDoes) {
  for (const bool hanging : {false, true}) {
    planner_.Hang(hanging);
    const int before = planner_.streams();
    Start();
    ASSERT_TRUE(Eventually([&] { return planner_.streams() > before; }));
    reporter_->Stop();
    EXPECT_FALSE(connected());
    Set("nginx", "after the end");
    reporter_.reset();
    planner_.Hang(false);
  }
  StopPlanner();
  Start();
  reporter_.reset();
}

TEST(NewReporterTest, AddressesThatCannotBeDialledAreRefused) {
  FakeClock clock;
  for (const char* bad : {"nonsense:port", ":8001", "planner.example:8001"}) {
    EXPECT_FALSE(Reporter::New({.planner = bad, .clock = &clock}).ok()) << bad;
  }
}

}  // namespace
}  // namespace gitops
