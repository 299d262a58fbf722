// Tips of branches: one message for all services of which nothing else changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/report/reporter_test_base.h"

namespace gitops {
namespace {

TEST_F(ReporterTest, FiveHundredServicesThatMoveWithTheTipAreOneSmallMessage) {
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i) {
    names.push_back("service-" + std::to_string(i));
    Set(names.back(), "a");
  }
  Set("frozen", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  const size_t before = planner_.told().size();
  for (const char* hash : {"b", "c"}) {
    reporter_->BeginTips();
    MovedServices moved = Move(names, hash, {"frozen"});
    reporter_->EndTips({std::move(moved)});
    ASSERT_TRUE(Eventually([&] { return Believed()["service-7"] == hash; }));
  }
  const std::vector<v1::ReportRequest> told = planner_.told();
  ASSERT_EQ(told.size(), before + 2);
  EXPECT_TRUE(told.back().has_tip_verified());
  EXPECT_LT(told.back().ByteSizeLong(), 100u) << "the hello has " << told[0].ByteSizeLong();
  EXPECT_EQ(ToldAlone(), 0);
  EXPECT_EQ(Believed(), services()) << "and the frozen one stays";
}

TEST_F(ReporterTest, AChangeSinceTheTipsBeganIsNotOverwrittenByThem) {
  for (const char* name : {"db", "mail", "nginx"}) Set(name, "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->BeginTips();
  MovedServices moved = Move({"db", "mail", "nginx"}, "b");
  Set("nginx", "rolled back");
  // Nothing else is told meanwhile: the next that comes is the tip.
  Set("new", "a");
  reporter_->EndTips({std::move(moved)});
  ASSERT_TRUE(Eventually([&] { return Believed() == services(); }));
  const std::vector<v1::ReportRequest> told = planner_.told();
  ASSERT_EQ(told.size(), 3u);
  EXPECT_TRUE(told[1].has_tip_verified());
  EXPECT_THAT(told[1].tip_verified().except(), testing::ElementsAre("new", "nginx"));
  EXPECT_EQ(told[2].changed().services_size(), 2);
}

TEST_F(ReporterTest, AStreamThatBeginsAmidTheTipsHasThemInItsHello) {
  Set("nginx", "a");
  Set("db", "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->BeginTips();
  MovedServices moved = Move({"db", "nginx"}, "b");
  Set("nginx", "rolled back");
  reporter_->Renew();
  ASSERT_TRUE(Eventually([&] { return !connected(); }));
  EXPECT_EQ(planner_.streams(), 1) << "a hello now could have what is newer than the tip";
  reporter_->EndTips({std::move(moved)});
  ASSERT_TRUE(Eventually([&] { return planner_.streams() == 2 && connected(); }));
  Set("last", "a");
  ASSERT_TRUE(Eventually([&] { return Believed().contains("last"); }));
  EXPECT_EQ(Believed(), services());
}

TEST_F(ReporterTest, APlannerThatKnowsNoTipsIsToldOfEachService) {
  planner_.BeOld();
  for (const char* name : {"db", "mail", "nginx"}) Set(name, "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->BeginTips();
  MovedServices moved = Move({"db", "nginx"}, "b", {"mail"});
  reporter_->EndTips({std::move(moved)});
  EXPECT_TRUE(Eventually([&] { return Believed() == services(); }));
  EXPECT_EQ(ToldAlone(), 2);
}

TEST_F(ReporterTest, FewThatMoveAmongManyAreToldByThemselves) {
  for (const char* name : {"db", "mail", "nginx"}) Set(name, "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  reporter_->BeginTips();
  MovedServices moved = Move({"nginx"}, "b", {"db", "mail"});
  reporter_->EndTips({std::move(moved)});
  EXPECT_TRUE(Eventually([&] { return Believed() == services(); }));
  EXPECT_EQ(ToldAlone(), 1);
}

TEST_F(ReporterTest, ASlowPlannerIsToldOfTheLastTipAndNotOfEveryOne) {
  for (const char* name : {"db", "nginx"}) Set(name, "a");
  Start();
  ASSERT_TRUE(AwaitConnected());
  // More than the stream takes while the planner reads nothing.
  planner_.HoldReads(true);
  for (int i = 0; i < 5000; ++i) {
    reporter_->BeginTips();
    MovedServices moved = Move({"db", "nginx"}, std::to_string(i) + std::string(1000, 'x'));
    reporter_->EndTips({std::move(moved)});
  }
  planner_.HoldReads(false);
  ASSERT_TRUE(Eventually([&] { return Believed() == services(); }));
  EXPECT_LT(planner_.told().size(), 1000u);
}

}  // namespace
}  // namespace gitops
