// Tips of branches: one message stands for many services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "services/planner/fleet/fleet_test_base.h"

namespace gitops {
namespace {

constexpr char kUpstream[] = "https://git.example/ops.git";

v1::Service Following(const std::string& name, const std::string& branch = "main",
                      v1::Tracking tracking = v1::TRACKING_AUTO) {
  v1::Service service = Service("web1", name, v1::SERVICE_STATE_DIFF, "a");
  service.set_state_info("/etc/a was changed");
  service.set_target_hash("a");
  service.set_upstream(kUpstream);
  service.set_branch(branch);
  service.set_tracking(tracking);
  service.set_generation(7);
  service.mutable_change_time()->set_seconds(1'700'000'000);
  service.mutable_last_poll_time()->set_seconds(1'700'000'100);
  service.add_directories()->set_local("/etc/a");
  return service;
}

v1::TipVerified Tip(const std::string& hash, const std::vector<std::string>& except = {}) {
  v1::TipVerified tip;
  tip.set_upstream(kUpstream);
  tip.set_branch("main");
  tip.set_hash(hash);
  for (const std::string& name : except) tip.add_except(name);
  return tip;
}

class FleetTipsTest : public FleetTest {
 protected:
  std::map<std::string, std::string> Hashes() {
    std::map<std::string, std::string> hashes;
    for (const v1::Service& service : fleet_->Services("web1")) {
      hashes[service.service()] = service.hash();
    }
    return hashes;
  }
  v1::Service Get(const std::string& name) {
    for (const v1::Service& service : fleet_->Services("web1")) {
      if (service.service() == name) return service;
    }
    return {};
  }
};

TEST_F(FleetTipsTest, ATipMovesTheHashOfWhoFollowsItsBranchAndNothingElse) {
  v1::Service user = Following("user");
  user.set_user("app");
  v1::Service mirror = Following("mirror");
  mirror.set_upstream("https://mirror.example/ops.git");
  auto report = Connect(Hello({"web1"}, {Following("db"), Following("frozen"), Following("nginx"),
                                         Following("next", "next"), user, mirror}));
  ASSERT_TRUE(report->TipVerified(Tip("b", {"frozen", "unknown"})).ok());
  EXPECT_EQ(Hashes(), (std::map<std::string, std::string>{{"db", "b"},
                                                          {"frozen", "a"},
                                                          {"mirror", "a"},
                                                          {"next", "a"},
                                                          {"nginx", "b"},
                                                          {"user", "a"}}));
  v1::Service moved = Following("db");
  moved.set_hash("b");
  moved.set_target_hash("b");
  moved.set_generation(8);
  EXPECT_EQ(Get("db").SerializeAsString(), moved.SerializeAsString());
  EXPECT_EQ(Find("web1").degraded_count(), 6) << "states stay";
}

TEST_F(FleetTipsTest, ACoordinatedServiceIsToldOfTheTipAndStaysWhereItIs) {
  auto report = Connect(Hello({"web1"}, {Following("db", "main", v1::TRACKING_COORDINATED)}));
  ASSERT_TRUE(report->TipVerified(Tip("b")).ok());
  EXPECT_EQ(Get("db").hash(), "a");
  EXPECT_EQ(Get("db").target_hash(), "b");
  EXPECT_EQ(Get("db").generation(), 8);
}

TEST_F(FleetTipsTest, WhoIsThereAlreadyStaysAsItIs) {
  auto report = Connect(Hello({"web1"}, {Following("db")}));
  ASSERT_TRUE(report->TipVerified(Tip("a")).ok());
  EXPECT_EQ(Get("db").SerializeAsString(), Following("db").SerializeAsString());
}

TEST_F(FleetTipsTest, TipsAndChangesCountInTheOrderInWhichTheyCome) {
  auto report = Connect(Hello({"web1"}, {Following("db"), Following("nginx")}));
  v1::Service rolled_back = Following("db");
  rolled_back.set_hash("0");
  rolled_back.set_generation(9);
  ASSERT_TRUE(report->TipVerified(Tip("b")).ok());
  ASSERT_TRUE(report->Changed(Change({rolled_back}, {"nginx"})).ok());
  ASSERT_TRUE(report->TipVerified(Tip("c", {"db"})).ok());
  EXPECT_EQ(Hashes(), (std::map<std::string, std::string>{{"db", "0"}}));
  EXPECT_EQ(Get("db").generation(), 9);
}

TEST_F(FleetTipsTest, ATipIsASignOfLifeOfWhichSubscribersLearnOnce) {
  std::vector<v1::Service> services;
  for (int i = 0; i < 500; ++i) services.push_back(Following(absl::StrCat("s", i)));
  auto report = Connect(Hello({"web1"}, services));
  Mutex mutex;
  std::vector<std::string> told;
  const int64_t id = fleet_->Subscribe([&](const std::string& host) {
    MutexLock lock(mutex);
    told.push_back(host);
  });
  clock_.Advance(absl::Seconds(30));
  ASSERT_TRUE(report->TipVerified(Tip("b")).ok());
  EXPECT_TRUE(Eventually([&] {
    MutexLock lock(mutex);
    return told == std::vector<std::string>{"web1"};
  }));
  fleet_->Unsubscribe(id);
  EXPECT_EQ(Get("s499").hash(), "b");
  EXPECT_EQ(Find("web1").last_seen_time().seconds(), Now());
}

TEST_F(FleetTipsTest, WhatTipsMovedIsKnownAfterARestart) {
  TempStore store;
  fleet_ = NewFleet({.clock = &clock_, .store = store.store()});
  {
    auto report = Connect(Hello({"web1"}, {Following("db")}));
    ASSERT_TRUE(report->TipVerified(Tip("b")).ok());
  }
  fleet_.reset();
  fleet_ = NewFleet({.clock = &clock_, .store = store.store()});
  EXPECT_EQ(Get("db").hash(), "b");
  EXPECT_EQ(Get("db").generation(), 8);
  fleet_.reset();  // before its store
}

TEST_F(FleetTipsTest, ATipThatMakesAReportTooLargeIsRefused) {
  fleet_ = NewFleet({.clock = &clock_, .limits = {.agent_bytes = 1000}});
  std::vector<v1::Service> services;
  for (int i = 0; i < 5; ++i) services.push_back(Following(absl::StrCat("s", i)));
  auto report = Connect(Hello({"web1"}, services));
  const absl::Status refused = report->TipVerified(Tip(std::string(64, 'b')));
  EXPECT_TRUE(HasReason(refused, Reason::kReportTooLarge)) << refused;
  EXPECT_EQ(Get("s0").hash(), "a");
}

TEST_F(FleetTipsTest, AStreamWhoseHostAnotherHasTakenMovesNothing) {
  auto older = Connect(Hello({"web1"}, {Following("db")}));
  auto newer = Connect(Hello({"web1"}, {Following("db")}));
  ASSERT_TRUE(older->TipVerified(Tip("b")).ok());
  EXPECT_EQ(Get("db").hash(), "a");
}

}  // namespace
}  // namespace gitops
