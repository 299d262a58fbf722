#include "services/planner/fleet/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/config/host_digests.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "services/planner/fleet/fleet_test_base.h"

namespace gitops {
namespace {

using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(FleetTest, HostsComeInTheOrderOfTheFileThenThoseThatOnlyReportedByName) {
  Configure({Host("web2"), Host("db1"), Host("web1")});
  auto zeta = Connect(Hello({"zeta"}));
  auto alpha = Connect(Hello({"alpha"}));
  EXPECT_THAT(Names(), ElementsAre("web2", "db1", "web1", "alpha", "zeta"));
}

TEST_F(FleetTest, AHostThatNeverReportedIsUnknownWithWhatTheConfigurationPlacesThere) {
  Configure({Host("web1")}, {Placed("WEB1", "nginx"), Placed("web1", "db"), Placed("other", "x")});
  const v1::Host host = Find("web1");
  EXPECT_EQ(host.state(), v1::HOST_STATE_NEVER_SEEN);
  EXPECT_TRUE(host.configured());
  EXPECT_FALSE(host.has_state_time() || host.has_last_seen_time());
  EXPECT_EQ(host.service_count(), 2);
  const auto services = fleet_->Services("web1");
  ASSERT_EQ(services.size(), 2u);
  EXPECT_EQ(services[0].service(), "db");
  EXPECT_EQ(services[0].upstream(), "https://git.example/ops.git");
  EXPECT_EQ(services[0].tracking(), v1::TRACKING_COORDINATED);
  EXPECT_EQ(fleet_->Find("nobody").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Services("nobody"), IsEmpty());
}

TEST_F(FleetTest, ServicesForManyHostsArePlacedOnThoseWithTheTags) {
  const auto configure = [this](const std::string& branch) {
    const auto config = ParseFleetConfig(absl::StrCat(R"(
[[hosts]]
name = "web{1..2}"
tags = ["web"]
[[hosts]]
name = "db1"
[[services]]
tagged = ["web"]
service = "nginx"
upstream = "https://git.example/${machine}.git"
branch = ")",
                                                      branch, R"("
[[services]]
machine = "web1"
service = "nginx"
tracking = "coordinated"
)"),
                                         "f.toml");
    ASSERT_TRUE(config.ok()) << config.status();
    fleet_->Configure(std::make_shared<const FleetConfig>(*config));
  };
  configure("stable");
  const auto web1 = fleet_->Services("WEB1");
  ASSERT_EQ(web1.size(), 1);
  EXPECT_EQ(web1[0].host(), "web1");
  EXPECT_EQ(web1[0].upstream(), "https://git.example/web1.git");
  EXPECT_EQ(web1[0].branch(), "stable");
  EXPECT_EQ(web1[0].tracking(), v1::TRACKING_COORDINATED);
  EXPECT_EQ(fleet_->Services("web2").at(0).tracking(), v1::TRACKING_AUTO);
  EXPECT_EQ(Find("web2").service_count(), 1);
  EXPECT_THAT(Services("db1"), IsEmpty());
  configure("${machine}");
  EXPECT_EQ(fleet_->Services("web2").at(0).branch(), "web2");
}

TEST_F(FleetTest, WhatAnAgentReportsIsShown) {
  Configure({Host("web1")}, {Placed("web1", "nginx")});
  auto report = Connect(
      Hello({"WEB1"}, {Service("web1", "nginx"), Service("web1", "db", v1::SERVICE_STATE_BROKEN)}));
  const v1::Host host = Find("web1");
  EXPECT_EQ(host.host(), "web1") << "as the configuration spells it";
  EXPECT_EQ(host.state(), v1::HOST_STATE_ONLINE);
  EXPECT_EQ(host.state_time().seconds(), Now());
  EXPECT_EQ(host.version(), "1.2.3");
  EXPECT_EQ(host.boot_id(), "boot");
  EXPECT_EQ(host.service_count(), 2);
  EXPECT_EQ(host.degraded_count(), 1);
  EXPECT_THAT(Services("web1"), ElementsAre("db", "nginx"));

  EXPECT_TRUE(
      report->Changed(Change({Service("web1", "nginx", v1::SERVICE_STATE_DIFF, "abc")}, {"db"}))
          .ok());
  EXPECT_THAT(Services("web1"), ElementsAre("nginx"));
  EXPECT_EQ(fleet_->Services("web1")[0].hash(), "abc");
  EXPECT_EQ(Find("web1").degraded_count(), 1);
}

TEST_F(FleetTest, AHelloReplacesWhatWasReportedBefore) {
  Connect(Hello({"web1"}, {Service("web1", "nginx"), Service("web1", "db")}));
  auto again = Connect(Hello({"web1"}, {Service("web1", "nginx")}));
  EXPECT_THAT(Services("web1"), ElementsAre("nginx"));
}

TEST_F(FleetTest, AnAgentIsTakenForTheNamesThatTheConfigurationOrItsServicesName) {
  struct Case {
    std::vector<std::string> names;
    std::vector<v1::Service> services;
    std::vector<std::string> hosts;
  };
  for (const Case& c : {
           Case{{"a", "b"}, {}, {"a"}},
           Case{{"a", "web1"}, {}, {"web1"}},
           Case{{"a", "b"}, {Service("b", "x")}, {"b"}},
           Case{{"a", "web1", "c"}, {Service("C", "x")}, {"web1", "c"}},
           Case{{"a"}, {Service("stranger", "x")}, {"a"}},
       }) {
    fleet_ = NewFleet({.clock = &clock_});
    Configure({Host("web1")});
    auto report = Connect(Hello(c.names, c.services));
    std::vector<std::string> online;
    for (const auto& host : fleet_->Hosts()) {
      if (host->host.state() == v1::HOST_STATE_ONLINE) online.push_back(host->host.host());
    }
    EXPECT_EQ(online, c.hosts) << c.names[0];
    EXPECT_EQ(fleet_->Find("stranger").ok(), false) << "it cannot speak for others";
  }
}

TEST_F(FleetTest, AServiceThatMovesToAnotherNameOfTheAgentIsNotThereTwice) {
  auto report = Connect(Hello({"canary", "web1"}, {Service("web1", "db"), Service("web1", "x")}));
  EXPECT_TRUE(report->Changed(Change({Service("canary", "db")})).ok());
  EXPECT_THAT(Services("canary"), ElementsAre("db"));
  EXPECT_THAT(Services("web1"), ElementsAre("x"));
}

TEST_F(FleetTest, AConfigurationThatNamesAReportingAgentTakesItForThatHost) {
  auto report = Connect(Hello({"alias", "web1"}));
  EXPECT_THAT(Names(), ElementsAre("alias"));
  Configure({Host("web1")});
  EXPECT_THAT(Names(), ElementsAre("web1"));
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_ONLINE);
  Configure({});
  EXPECT_THAT(Names(), ElementsAre("alias")) << "its first name again";
}

v1::Hello Named(const std::string& name, v1::Hello hello) {
  hello.set_name(name);
  return hello;
}

TEST_F(FleetTest, AHostIsKnownByItsNameAndAliasesMayBeShared) {
  Configure({Host("alias")});
  auto one = Connect(Named("n1", Hello({"n1", "alias", "vm"}, {Service("n1", "nginx")})));
  auto two = Connect(Named("n2", Hello({"n2", "alias", "vm"}, {Service("n2", "nginx")})));
  EXPECT_THAT(Names(), ElementsAre("alias", "n1", "n2"));
  EXPECT_EQ(Find("alias").state(), v1::HOST_STATE_NEVER_SEEN);
  EXPECT_THAT(Services("n1"), ElementsAre("nginx"));
  EXPECT_THAT(Services("n2"), ElementsAre("nginx"));
  const std::string other = "ipv4:10.0.0.66:1";
  const absl::Status refused =
      fleet_->Connected(Named("n1", Hello({"n1"})), other, MakePrincipal("", "", other)).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_TRUE(absl::IsInvalidArgument(
      fleet_->Connected(Named("a/b", Hello({"a"})), kPeer, Principal()).status()));
}

TEST_F(FleetTest, AgentsWithoutANameThatShareAnAliasAreKnownByTheNamesOfTheirMachines) {
  const auto hello = [](const std::string& machine) {
    return Hello({"web", machine}, {Service("web", "of-" + machine)});
  };
  auto one = Connect(hello("m1"));
  EXPECT_THAT(Names(), ElementsAre("web")) << "as long as it is the only one";
  auto two = Connect(hello("m2"), "ipv4:10.0.0.8:1");
  EXPECT_THAT(Names(), ElementsAre("m1", "m2"));
  EXPECT_THAT(Services("m1"), ElementsAre("of-m1"));
  EXPECT_THAT(Services("m2"), ElementsAre("of-m2"));
  EXPECT_TRUE(one->Changed(Change({Service("web", "more")})).ok());
  EXPECT_THAT(Services("m1"), ElementsAre("more", "of-m1"));
  EXPECT_FALSE(one->outdated());
  two.reset();
  EXPECT_THAT(Names(), ElementsAre("m1", "m2")) << "names do not come and go with the other";
}

TEST_F(FleetTest, AnAliasInTheConfigurationIsOfTheFirstAgentThatHasIt) {
  Configure({Host("web")});
  auto one = Connect(Hello({"web", "m1"}, {Service("web", "a")}));
  auto two = Connect(Hello({"web", "m2"}, {Service("web", "b")}), "ipv4:10.0.0.8:1");
  EXPECT_THAT(Services("web"), ElementsAre("a"));
  EXPECT_THAT(Services("m2"), ElementsAre("b"));
}

TEST_F(FleetTest, ANameTakesPrecedenceOverAnAlias) {
  auto guessed = Connect(Hello({"web1", "vm"}, {Service("web1", "a")}));
  EXPECT_THAT(Names(), ElementsAre("web1"));
  auto named = Connect(Named("web1", Hello({"web1"}, {Service("web1", "b")})));
  EXPECT_THAT(Services("web1"), ElementsAre("b"));
  EXPECT_THAT(Services("vm"), ElementsAre("a"));
  auto late = Connect(Hello({"web1", "m3"}, {Service("web1", "c")}));
  EXPECT_THAT(Services("m3"), ElementsAre("c"));
}

TEST_F(FleetTest, TheConfigurationOfAHostIsComparedWithThePlanners) {
  const auto parsed = [](const std::string& branch) {
    const auto config = ParseFleetConfig(
        absl::StrCat("[[hosts]]\nname = \"web1\"\ntags = [\"a\"]\n[[services]]\nmachine = \"web1\"",
                     "\nservice = \"nginx\"\nupstream = \"https://git.example/x.git\"\nbranch = \"",
                     branch, "\"\n"),
        "/etc/f.toml");
    EXPECT_TRUE(config.ok()) << config.status();
    return std::make_shared<const FleetConfig>(*config);
  };
  const HostDigest digest = DigestOf(*parsed("main"), "web1");
  fleet_->Configure(parsed("main"));
  v1::Hello hello = Hello({"web1"});
  hello.mutable_config()->set_hash("f00");
  hello.mutable_config()->set_services_hash(digest.services);
  hello.mutable_config()->set_host_hash(digest.host);
  auto report = Connect(hello);
  EXPECT_EQ(Find("web1").config().hash(), "f00");
  EXPECT_EQ(Find("web1").config_difference(), "");
  fleet_->Configure(parsed("next"));
  EXPECT_EQ(Find("web1").config_difference(), "its services are not the planner's");
  v1::ServicesChanged changed;
  *changed.mutable_config() = hello.config();
  changed.mutable_config()->set_services_hash(DigestOf(*parsed("next"), "web1").services);
  changed.mutable_config()->set_host_hash("another");
  changed.mutable_config()->set_fault("line 3\x1b");
  EXPECT_TRUE(report->Changed(changed).ok());
  EXPECT_THAT(Find("web1").config_difference(), HasSubstr("its [[hosts]] entry"));
  EXPECT_EQ(Find("web1").config().fault(), "line 3 ");
  changed.mutable_config()->clear_host_hash();
  EXPECT_TRUE(report->Changed(changed).ok());
  EXPECT_EQ(Find("web1").config_difference(), "") << "its own file says nothing of it";
}

TEST_F(FleetTest, AHostThatLeavesTheConfigurationStaysOnlyWhereItReported) {
  Configure({Host("web1"), Host("web2")});
  auto report = Connect(Hello({"web2"}));
  Configure({Host("web3")});
  EXPECT_THAT(Names(), ElementsAre("web3", "web2"));
  EXPECT_FALSE(Find("web2").configured());
}

TEST_F(FleetTest, AddressIsTheConfigurationsElseWhatTheAgentSays) {
  HostSpec with_secrets = Host("db1");
  with_secrets.secrets["key"] = SecretSpec();
  Configure({Host("web1", "10.1.1.1:8004"), Host("web2"), with_secrets});
  EXPECT_EQ(Find("web2").address(), "web2:8004");
  std::vector<std::unique_ptr<AgentReport>> reports;
  for (const char* name : {"web1", "web2", "db1", "stranger"}) {
    reports.push_back(Connect(Hello({name})));
  }
  EXPECT_EQ(Find("web1").address(), "10.1.1.1:8004");
  EXPECT_EQ(Find("web2").address(), "10.0.0.7:9000");
  EXPECT_EQ(Find("stranger").address(), "10.0.0.7:9000");
  EXPECT_EQ(Find("db1").address(), "db1:8004") << "nobody draws its secrets elsewhere";
  EXPECT_EQ(fleet_->Find("web2")->spec.address, "10.0.0.7:9000");
}

TEST_F(FleetTest, ASilentAgentIsNoticedByItselfAndBackWithItsNextWord) {
  auto report = Connect(Hello({"web1"}));
  clock_.Advance(absl::Seconds(60));
  report->Heartbeat();
  const int64_t heard = Now();
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() - absl::Seconds(60) + absl::Seconds(90)));
  clock_.Advance(absl::Seconds(89));
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_ONLINE);
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(1)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Eventually([&] { return Find("web1").state() == v1::HOST_STATE_STALE; }));
  EXPECT_EQ(Find("web1").last_seen_time().seconds(), heard);
  EXPECT_EQ(Find("web1").state_time().seconds(), Now());
  report->Heartbeat();
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_ONLINE);
}

TEST_F(FleetTest, AnEndedStreamMakesItsHostStaleAtOnceAndKeepsWhatItReported) {
  auto report = Connect(Hello({"web1"}, {Service("web1", "nginx")}));
  clock_.Advance(absl::Seconds(5));
  report.reset();
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_STALE);
  EXPECT_EQ(Find("web1").state_time().seconds(), Now());
  EXPECT_EQ(Find("web1").last_seen_time().seconds(), Now() - 5);
  EXPECT_THAT(Services("web1"), ElementsAre("nginx"));
}

TEST_F(FleetTest, TheNewestStreamOfAHostIsBelieved) {
  auto older = Connect(Hello({"web1"}, {Service("web1", "nginx")}));
  auto newer = Connect(Hello({"web1"}, {Service("web1", "db")}));
  EXPECT_TRUE(older->Changed(Change({Service("web1", "old")})).ok());
  older->Heartbeat();
  EXPECT_THAT(Services("web1"), ElementsAre("db"));
  EXPECT_FALSE(older->outdated()) << "there is nothing to be gained by coming back";
  older.reset();
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_ONLINE);
}

TEST_F(FleetTest, AStreamThatWasReplacedIsOutdatedWhenTheNewerOneHasEnded) {
  auto older = Connect(Hello({"web1"}));
  auto newer = Connect(Hello({"web1"}));
  newer.reset();
  EXPECT_TRUE(older->outdated());
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_STALE);
}

TEST_F(FleetTest, AnotherCallerCannotTakeAHostWhileItsAgentReports) {
  const std::string other = "ipv4:10.0.0.66:1";
  const auto take = [&] {
    return fleet_->Connected(Hello({"web1"}, {Service("web1", "evil")}), other,
                             MakePrincipal("", "", other));
  };
  auto agent = Connect(Hello({"web1"}, {Service("web1", "nginx")}));
  const absl::Status refused = take().status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("web1, from ipv4:10.0.0.7"));
  EXPECT_THAT(Services("web1"), ElementsAre("nginx"));
  EXPECT_FALSE(agent->outdated());
  // Nor by naming it only later.
  auto stranger = Connect(Hello({"mallory", "web1"}), other);
  EXPECT_TRUE(stranger->Changed(Change({Service("web1", "evil")})).ok());
  EXPECT_THAT(Services("web1"), ElementsAre("nginx"));
  // Once the agent is silent or gone, whoever reports is believed.
  agent.reset();
  EXPECT_TRUE(take().ok());
}

TEST_F(FleetTest, AnAgentWhoseAddressChangedInTheMidstOfARunGoesOn) {
  v1::Hello hello = Hello({"web1"}, {Service("web1", "nginx")});
  hello.mutable_start_time()->set_seconds(1'700'000'000);
  auto before = Connect(hello);
  auto after = Connect(hello, "ipv4:10.0.0.8:1");
  EXPECT_EQ(Find("web1").address(), "10.0.0.8:9000");
}

TEST_F(FleetTest, AHelloWithoutAProperNameIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(fleet_->Connected(Hello({}), kPeer, Principal()).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(fleet_->Connected(Hello({"a/b"}), kPeer, Principal()).status()));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(FleetTest, AStrangerThatWasNotSeenForAMonthIsForgottenAConfiguredHostNever) {
  Configure({Host("web1")});
  Connect(Hello({"web1"}));
  Connect(Hello({"stranger"}));
  const absl::Time month_over = clock_.Now() + absl::Hours(24 * 30);
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Hours(12));
    return Names() == std::vector<std::string>{"web1"};
  }));
  EXPECT_GE(clock_.Now(), month_over);
}

// The callbacks of subscribers.
class Told {
 public:
  std::function<void(const std::string&)> Callback() {
    return [this](const std::string& host) {
      MutexLock lock(mutex_);
      hosts_.insert(host);
    };
  }
  std::set<std::string> Take() {
    MutexLock lock(mutex_);
    return std::exchange(hosts_, {});
  }
  bool Await(const std::string& host) {
    return Eventually([&] {
      MutexLock lock(mutex_);
      return hosts_.contains(host);
    });
  }

 private:
  Mutex mutex_;
  std::set<std::string> hosts_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(FleetTest, SubscribersAreToldOfEveryChangeButNotOfHeartbeats) {
  Told told;
  const int64_t id = fleet_->Subscribe(told.Callback());
  EXPECT_NE(id, 0);
  Configure({Host("web1")});
  EXPECT_TRUE(told.Await("web1"));
  auto report = Connect(Hello({"web2"}));
  EXPECT_TRUE(told.Await("web2"));
  told.Take();
  report->Heartbeat();
  EXPECT_TRUE(report->Changed(Change({Service("web2", "nginx")})).ok());
  EXPECT_TRUE(told.Await("web2"));
  told.Take();
  EXPECT_TRUE(report->Changed(Change({Service("web2", "nginx")})).ok());  // as it was
  report->Heartbeat();
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(90)));
  EXPECT_THAT(told.Take(), IsEmpty());
  clock_.Advance(absl::Seconds(90));
  EXPECT_TRUE(told.Await("web2")) << "silence is a change";
  fleet_->Unsubscribe(id);
  told.Take();
  report.reset();
  EXPECT_THAT(told.Take(), IsEmpty());
}

TEST_F(FleetTest, ASlowSubscriberHoldsUpNobodyAndUnsubscribeWaitsForIt) {
  Mutex mutex;
  CondVar changed;
  bool entered = false, release = false, left = false;
  const int64_t id = fleet_->Subscribe([&](const std::string&) {
    MutexLock lock(mutex);
    entered = true;
    changed.NotifyAll();
    while (!release) changed.Wait(mutex);
    left = true;
  });
  auto report = Connect(Hello({"web1"}));
  {
    MutexLock lock(mutex);
    while (!entered) changed.Wait(mutex);
  }
  for (int i = 0; i < 100; ++i) report->Heartbeat();
  EXPECT_EQ(Find("web1").state(), v1::HOST_STATE_ONLINE);
  std::thread releaser([&] {
    MutexLock lock(mutex);
    release = true;
    changed.NotifyAll();
  });
  fleet_->Unsubscribe(id);
  {
    MutexLock lock(mutex);
    EXPECT_TRUE(left);
  }
  releaser.join();
}

TEST(FleetStoreTest, AfterARestartHostsThatAreOffAreStillKnown) {
  FakeClock clock;
  TempStore store(&clock);
  const int64_t seen = absl::ToUnixSeconds(clock.Now());
  auto fleet = NewFleet({.clock = &clock, .store = store.store()});
  auto report = fleet->Connected(Hello({"web1"}, {Service("web1", "nginx")}), kPeer, Principal());
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(Eventually([&] { return store.store()->Get("planner/v1/seen/web1").ok(); }))
      << "written while it reports: the planner may be killed";
  clock.Advance(absl::Seconds(3));
  report->reset();
  fleet.reset();

  clock.Advance(absl::Hours(1));
  fleet = NewFleet({.clock = &clock, .store = store.store()});
  const auto host = fleet->Find("web1");
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->host.state(), v1::HOST_STATE_STALE);
  EXPECT_EQ(host->host.last_seen_time().seconds(), seen);
  EXPECT_EQ(host->host.state_time().seconds(), seen + 3);
  EXPECT_EQ(host->host.address(), "10.0.0.7:9000");
  EXPECT_EQ(fleet->Services("web1")[0].service(), "nginx");
  FleetConfig config;
  config.hosts = {Host("Web1")};
  fleet->Configure(std::make_shared<const FleetConfig>(config));
  EXPECT_EQ(fleet->Find("web1")->host.state(), v1::HOST_STATE_STALE);
  EXPECT_TRUE(fleet->Find("web1")->host.configured());
}

TEST(FleetStoreTest, AForgottenHostIsForgottenInTheStoreToo) {
  FakeClock clock;
  TempStore store(&clock);
  auto fleet = NewFleet({.clock = &clock, .store = store.store()});
  fleet->Connected(Hello({"web1"}), kPeer, Principal())->reset();
  EXPECT_TRUE(Eventually([&] { return store.store()->Get("planner/v1/seen/web1").ok(); }));
  EXPECT_TRUE(Eventually([&] {
    clock.Advance(absl::Hours(12));
    return !store.store()->Get("planner/v1/seen/web1").ok();
  }));
}

TEST(FleetStoreTest, AStoreThatFailsHoldsUpNobodyAndIsTriedAgain) {
  FakeClock clock;
  TempStore temp(&clock);
  FaultyStore store(temp.store());
  store.FailKeys("planner/v1/seen/");
  auto fleet = NewFleet({.clock = &clock, .store = &store});
  auto report = fleet->Connected(Hello({"web1"}), kPeer, Principal());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(fleet->Find("web1")->host.state(), v1::HOST_STATE_ONLINE);
  ASSERT_TRUE(Eventually([&] { return store.writes() > 0; }));
  store.Heal();
  EXPECT_TRUE(Eventually([&] {
    clock.Advance(absl::Seconds(1));
    return temp.store()->Get("planner/v1/seen/web1").ok();
  }));
  report->reset();
}

TEST(FleetStoreTest, ThousandsOfHellosShareTheirWrites) {
  FakeClock clock;
  TempStore temp(&clock);
  FaultyStore store(temp.store());
  auto fleet = NewFleet({.clock = &clock, .store = &store});
  std::vector<std::unique_ptr<AgentReport>> reports;
  for (int i = 0; i < 2000; ++i) {
    reports.push_back(*fleet->Connected(Hello({absl::StrCat("web", i)}), kPeer, Principal()));
  }
  EXPECT_TRUE(Eventually([&] { return temp.store()->List("planner/v1/seen/")->size() == 2000; }));
  EXPECT_LT(store.writes(), 1000);
  reports.clear();
}

TEST(FleetSizeTest, AHundredThousandHostsAreListedWithoutCopyingThoseThatDidNotChange) {
  FakeClock clock;
  auto fleet = NewFleet({.clock = &clock});
  FleetConfig config;
  for (int i = 0; i < 100'000; ++i) {
    config.hosts.push_back(Host(absl::StrCat("web", i, ".rack", i % 40, ".example")));
    config.hosts.back().tags = {"prod", "web", absl::StrCat("rack-", i % 40)};
  }
  const std::string reporting = config.hosts[5].name;
  fleet->Configure(std::make_shared<const FleetConfig>(std::move(config)));
  const auto first = fleet->Hosts();
  ASSERT_EQ(first.size(), 100'000u);
  auto report = fleet->Connected(Hello({reporting}), kPeer, Principal());
  const auto begin = steady_clock::now();
  const auto again = fleet->Hosts();
  const auto took = std::chrono::duration<double, std::milli>(steady_clock::now() - begin);
  std::cout << "listed again in " << took.count() << " ms\n";
  int copied = 0;
  for (size_t i = 0; i < first.size(); ++i) copied += first[i] == again[i] ? 0 : 1;
  EXPECT_EQ(copied, 1);
  EXPECT_EQ(again[5]->host.state(), v1::HOST_STATE_ONLINE);
  EXPECT_EQ(first[5]->host.state(), v1::HOST_STATE_NEVER_SEEN) << "a snapshot stays as it was";
  EXPECT_EQ(fleet->Hosts().begin(), again.begin()) << "nothing has changed";
  (*report)->Heartbeat();
  const auto heard = fleet->Hosts();
  EXPECT_NE(heard[5], again[5]) << "when it was seen has";
  EXPECT_EQ(heard[6], again[6]);
}

TEST_F(FleetTest, HostsThatComeAndGoDoSoInTheNextList) {
  Configure({Host("web1")});
  EXPECT_THAT(Names(), ElementsAre("web1"));
  auto stranger = Connect(Hello({"stranger"}));
  EXPECT_THAT(Names(), ElementsAre("web1", "stranger"));
  Configure({});
  EXPECT_THAT(Names(), ElementsAre("stranger"));
  Configure({Host("web2"), Host("stranger")});
  EXPECT_THAT(Names(), ElementsAre("web2", "stranger"));
}

TEST(FleetThreadsTest, ManyAgentsAndReadersAtOnce) {
  FakeClock clock;
  auto fleet = NewFleet({.clock = &clock});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string host = absl::StrCat("web", (t + i) % 5);
        auto report =
            *fleet->Connected(Hello({host}, {Service(host, "nginx")}), kPeer, Principal());
        EXPECT_TRUE(report->Changed(Change({Service(host, "db")}, {"nginx"})).ok());
        report->Heartbeat();
        (void)report->outdated();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    for (const auto& host : fleet->Hosts()) (void)fleet->Services(host->host.host());
    FleetConfig config;
    config.hosts = {Host(absl::StrCat("web", i % 5))};
    fleet->Configure(std::make_shared<const FleetConfig>(std::move(config)));
    clock.Advance(absl::Seconds(30));
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& host : fleet->Hosts()) EXPECT_NE(host->host.state(), v1::HOST_STATE_ONLINE);
}

}  // namespace
}  // namespace gitops
