// What the fleet keeps of reports is bounded, whoever reports what.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"
#include "services/planner/fleet/fleet_test_base.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// A service that takes about so many bytes, up to 4 KiB.
v1::Service Large(const std::string& host, const std::string& name, int bytes) {
  v1::Service service = Service(host, name);
  service.set_state_info(std::string(bytes, 'x'));
  return service;
}

class FleetLimitsTest : public FleetTest {
 protected:
  // An agent's report may have 10 KB, those of unknown hosts 50 KB, all 80 KB.
  FleetLimitsTest() {
    fleet_ = NewFleet({.clock = &clock_,
                       .limits = {.agent_bytes = 10'000,
                                  .unknown_hosts = 20,
                                  .unknown_bytes = 50'000,
                                  .total_bytes = 80'000}});
  }
  // Of an agent that reports services of 4 KB.
  absl::StatusOr<std::unique_ptr<AgentReport>> Report(const std::string& host, int services) {
    std::vector<v1::Service> list;
    for (int i = 0; i < services; ++i) list.push_back(Large(host, absl::StrCat("s", i), 4000));
    clock_.Advance(absl::Milliseconds(1));
    return fleet_->Connected(Hello({host}, list), kPeer, MakePrincipal("", "", kPeer));
  }
  // All that report at the end, of so many hosts with 8 KB each.
  std::vector<std::unique_ptr<AgentReport>> Flood(int hosts) {
    std::vector<std::unique_ptr<AgentReport>> reports;
    for (int i = 0; i < hosts; ++i) {
      auto report = Report(absl::StrCat("made-up-", i), 2);
      if (report.ok()) reports.push_back(*std::move(report));
    }
    return reports;
  }
};

TEST_F(FleetLimitsTest, AnAgentThatReportsTooMuchIsRefused) {
  const absl::Status refused = Report("web1", 3).status();
  EXPECT_TRUE(HasReason(refused, Reason::kReportTooLarge)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("at most 10000"));
  EXPECT_THAT(Names(), SizeIs(0));
}

TEST_F(FleetLimitsTest, AnAgentCannotGrowBeyondThatByChangesOrBySpeakingForSeveralHosts) {
  auto report = Connect(Hello({"web1", "web2"}, {Service("web1", "a"), Service("web2", "b")}));
  EXPECT_TRUE(report->Changed(Change({Large("web1", "a", 4000)})).ok());
  EXPECT_TRUE(report->Changed(Change({Large("web2", "b", 4000)})).ok());
  const absl::Status refused = report->Changed(Change({Large("web2", "c", 4000)}));
  EXPECT_TRUE(HasReason(refused, Reason::kReportTooLarge)) << refused;
  EXPECT_THAT(Services("web2"), ElementsAre("b"));
  EXPECT_TRUE(report->Changed(Change({Large("web2", "c", 4000)}, {"b"})).ok()) << "in its place";
}

TEST_F(FleetLimitsTest, MadeUpHostsThatReportFillTheirBudgetAndNobodyElses) {
  Configure({Host("web1"), Host("web2")});
  auto before = Report("web1", 2);
  ASSERT_TRUE(before.ok());
  const auto reports = Flood(100);
  EXPECT_THAT(reports, SizeIs(5));
  EXPECT_LE(fleet_->memory().unknown_bytes, 50'000);
  const absl::Status refused = Report("made-up", 2).status();
  EXPECT_TRUE(HasReason(refused, Reason::kTooManyAgents)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("name = \"made-up\""));
  EXPECT_TRUE(Report("web2", 2).ok());
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_ONLINE);
  EXPECT_TRUE((*before)->Changed(Change({Service("web1", "more")})).ok());
}

TEST_F(FleetLimitsTest, SilentMadeUpHostsMakeRoomTheLongestSilentFirst) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Report(absl::StrCat("made-up-", i), 2).ok());
  EXPECT_THAT(Names(),
              ElementsAre("made-up-5", "made-up-6", "made-up-7", "made-up-8", "made-up-9"));
  // One that comes back with more does not have to make room for itself twice.
  EXPECT_TRUE(Report("made-up-5", 2).ok());
  EXPECT_THAT(Names(), SizeIs(5));
  // Small ones are limited by their number.
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Report(absl::StrCat("small-", i), 0).ok());
  EXPECT_THAT(Names(), SizeIs(20));
}

TEST_F(FleetLimitsTest, AllReportsTogetherAreLimited) {
  std::vector<HostSpec> hosts;
  for (int i = 0; i < 20; ++i) hosts.push_back(Host(absl::StrCat("web", i)));
  Configure(hosts);
  std::vector<std::unique_ptr<AgentReport>> reports;
  absl::Status refused;
  for (int i = 0; refused.ok(); ++i) {
    auto report = Report(absl::StrCat("web", i), 2);
    refused = report.status();
    if (report.ok()) reports.push_back(*std::move(report));
  }
  EXPECT_THAT(reports, SizeIs(8));
  EXPECT_TRUE(HasReason(refused, Reason::kTooManyAgents)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--report-memory"));
  EXPECT_LE(fleet_->memory().known_bytes, 80'000);
  // One that reports less leaves room to others.
  EXPECT_TRUE(reports[1]->Changed(Change({}, {"s0", "s1"})).ok());
  EXPECT_TRUE(Report("web8", 1).ok());
}

TEST_F(FleetLimitsTest, AHostThatComesBackWithMoreThanThereIsRoomForKeepsWhatItReportedBefore) {
  Configure({Host("web0")});
  const auto reports = Flood(5);
  ASSERT_THAT(reports, SizeIs(5));
  EXPECT_TRUE(Report("web0", 1).ok());
  std::vector<HostSpec> hosts = {Host("web0")};
  for (int i = 1; i < 20; ++i) hosts.push_back(Host(absl::StrCat("web", i)));
  Configure(hosts);
  std::vector<std::unique_ptr<AgentReport>> more;
  for (int i = 1; i < 5; ++i) {
    auto report = Report(absl::StrCat("web", i), 2);
    if (report.ok()) more.push_back(*std::move(report));
  }
  EXPECT_FALSE(Report("web0", 2).ok());
  EXPECT_EQ(Find("web0").state(), v1::HOST_STATE_STALE);
  EXPECT_THAT(Services("web0"), ElementsAre("s0"));
}

TEST_F(FleetLimitsTest, HostsThatLeaveTheConfigurationCountAmongTheUnknown) {
  std::vector<HostSpec> hosts;
  for (int i = 0; i < 8; ++i) hosts.push_back(Host(absl::StrCat("web", i)));
  Configure(hosts);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(Report(absl::StrCat("web", i), 2).ok());
  Configure({});
  EXPECT_LE(fleet_->memory().unknown_bytes, 50'000);
  EXPECT_EQ(fleet_->memory().known_bytes, 0);
  EXPECT_THAT(Names(), ElementsAre("web3", "web4", "web5", "web6", "web7"));
}

TEST_F(FleetLimitsTest, RefusalsAreLoggedOnceInTenSecondsWithTheNumberOfTheOthers) {
  testing::internal::CaptureStderr();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Report("web1", 3).ok());
  clock_.Advance(absl::Seconds(10));
  EXPECT_FALSE(Report("web1", 3).ok());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
  EXPECT_THAT(log, AllOf(HasSubstr("report is refused"), HasSubstr("99")));
}

TEST_F(FleetLimitsTest, WhatIsStoredIsLimitedToo) {
  TempStore store(&clock_);
  const auto open = [&] {
    fleet_.reset();
    fleet_ = NewFleet({.clock = &clock_,
                       .store = store.store(),
                       .limits = {.agent_bytes = 10'000, .unknown_bytes = 50'000}});
  };
  const auto stored = [&] {
    size_t bytes = 0;
    const auto list = store.store()->List("planner/v1/seen/");
    for (const StoredValue& seen : *list) bytes += seen.value.size();
    return bytes;
  };
  open();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Report(absl::StrCat("made-up-", i), 2).ok());
  EXPECT_TRUE(Eventually([&] { return stored() > 30'000 && stored() <= 50'000; })) << stored();
  open();
  Configure({});
  EXPECT_THAT(Names(), SizeIs(5));
  EXPECT_THAT(Names(), Not(testing::Contains("made-up-0")));
  fleet_.reset();  // before its store
}

TEST(FleetDefaultLimitsTest, InventedNamesTakeTheRoomOfTheLongestSilentAndNotOfThoseWhoReport) {
  FakeClock clock;
  auto fleet = NewFleet({.clock = &clock});
  auto kept = fleet->Connected(Hello({"kept"}), kPeer, Principal());
  for (int i = 0; i < 20'050; ++i) {
    clock.Advance(absl::Microseconds(1));
    EXPECT_TRUE(fleet->Connected(Hello({absl::StrCat("made-up-", i)}), kPeer, Principal()).ok());
  }
  EXPECT_EQ(fleet->Hosts().size(), 20'000u);
  EXPECT_EQ(fleet->Find("kept")->host.state(), v1::HOST_STATE_ONLINE);
  EXPECT_FALSE(fleet->Find("made-up-0").ok());
  EXPECT_TRUE(fleet->Find("made-up-20049").ok());
}

TEST(FleetDefaultLimitsTest, AFleetOfTenThousandHostsFitsAndSoDoFiveHundredServicesOfOne) {
  FakeClock clock;
  auto fleet = NewFleet({.clock = &clock});
  FleetConfig config;
  for (int i = 0; i < 10'000; ++i) config.hosts.push_back(Host(absl::StrCat("web", i)));
  fleet->Configure(std::make_shared<const FleetConfig>(config));
  std::vector<v1::Service> services;
  for (int i = 0; i < 500; ++i) {
    v1::Service service = Large("web0", absl::StrCat("service-", i), 1000);
    service.set_hash(std::string(40, 'a'));
    service.set_target_hash(std::string(40, 'a'));
    service.set_upstream("https://git.example/ops.git");
    services.push_back(service);
  }
  EXPECT_TRUE(fleet->Connected(Hello({"web0"}, services), kPeer, Principal()).ok());
  EXPECT_EQ(fleet->Services("web0").size(), 500u);
  services.resize(20);
  for (int i = 1; i < 10'000; ++i) {
    const std::string host = absl::StrCat("web", i);
    for (v1::Service& service : services) {
      service.set_host(host);
      service.clear_state_info();
    }
    ASSERT_TRUE(fleet->Connected(Hello({host}, services), kPeer, Principal()).ok()) << i;
  }
}

}  // namespace
}  // namespace gitops
