// Agents' reporters and the planner's report service over real sockets: the planner goes away and
// comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/report/reporter.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/rpc/server.h"
#include "common/schedule/scheduler.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/report/report_service.h"

namespace gitops {
namespace {

// As in the planner's program: the fleet, the service on it, a server.
class Planner {
 public:
  Planner(Store* store, const std::string& listen)
      : fleet_(NewFleet({.clock = Clock::System(), .store = store})),
        service_(std::make_unique<ReportService>(
            ReportOptions{.fleet = fleet_.get(), .gate = &gate_, .heartbeat = absl::Seconds(30)})) {
    auto server = RpcServer::Start({.listen = listen, .services = {service_.get()}});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~Planner() {
    service_->Stop();
    server_->Shutdown(absl::Seconds(5));
  }
  Fleet& fleet() { return *fleet_; }
  const std::string& address() const { return server_->address(); }
  int Online() {
    int online = 0;
    for (const auto& host : fleet_->Hosts()) {
      online += host->host.state() == v1::HOST_STATE_ONLINE ? 1 : 0;
    }
    return online;
  }
  std::map<std::string, std::string> Hashes(const std::string& host) {
    std::map<std::string, std::string> hashes;
    for (const v1::Service& service : fleet_->Services(host)) {
      hashes[service.service()] = service.hash();
    }
    return hashes;
  }

 private:
  const RpcGate gate_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<ReportService> service_;
  std::unique_ptr<RpcServer> server_;
};

// A host with services that a test changes.
class Agent {
 public:
  Agent(std::string name, const std::string& planner, Scheduler* scheduler)
      : name_(std::move(name)) {
    auto reporter = Reporter::New({.planner = planner,
                                   .hello = [this] { return Hello(); },
                                   .service =
                                       [this](const std::string& service) {
                                         MutexLock lock(mutex_);
                                         return Find(service);
                                       },
                                   .clock = Clock::System(),
                                   .scheduler = scheduler});
    EXPECT_TRUE(reporter.ok()) << reporter.status();
    reporter_ = *std::move(reporter);
    reporter_->Start();
  }

  void Set(const std::string& service, const std::string& hash) {
    {
      MutexLock lock(mutex_);
      services_[service] = hash;
    }
    reporter_->Changed(service);
  }
  // All of them with the tip of their branch, except one.
  void MoveAll(const std::string& hash, const std::string& except) {
    reporter_->BeginTips();
    MovedServices moved;
    moved.tip.set_hash(hash);
    moved.tip.add_except(except);
    {
      MutexLock lock(mutex_);
      for (auto& [service, at] : services_) {
        if (service == except) continue;
        at = hash;
        moved.names.push_back(service);
      }
    }
    reporter_->EndTips({std::move(moved)});
  }
  void Remove(const std::string& service) {
    {
      MutexLock lock(mutex_);
      services_.erase(service);
    }
    reporter_->Changed(service);
  }

 private:
  v1::Hello Hello() {
    v1::Hello hello;
    hello.add_names(name_);
    hello.set_address(":8004");
    MutexLock lock(mutex_);
    for (const auto& [service, hash] : services_) *hello.add_services() = *Find(service);
    return hello;
  }
  std::optional<v1::Service> Find(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = services_.find(name);
    if (found == services_.end()) return std::nullopt;
    v1::Service service;
    service.set_host(name_);
    service.set_service(name);
    service.set_hash(found->second);
    return service;
  }

  const std::string name_;
  Mutex mutex_;
  std::map<std::string, std::string> services_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Reporter> reporter_;
};

using Hashes = std::map<std::string, std::string>;

class ReportTest : public testing::Test {
 protected:
  TempStore store_;
  std::unique_ptr<Planner> planner_ = std::make_unique<Planner>(store_.store(), "127.0.0.1:0");
  const std::string address_ = planner_->address();
  std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 2);
};

TEST_F(ReportTest, EveryChangeReachesThePlanner) {
  Agent agent("web1", address_, scheduler_.get());
  for (int i = 0; i < 200; ++i) agent.Set(absl::StrCat("s", i % 20), absl::StrCat(i));
  agent.Remove("s0");
  EXPECT_TRUE(Eventually([&] {
    const Hashes hashes = planner_->Hashes("web1");
    return hashes.size() == 19 && hashes.at("s19") == "199";
  }));
}

TEST_F(ReportTest, TipsAndChangesReachThePlannerInTheirOrder) {
  Agent agent("web1", address_, scheduler_.get());
  Hashes expected;
  for (int i = 0; i < 20; ++i) agent.Set(absl::StrCat("s", i), "before");
  for (int tip = 0; tip < 100; ++tip) {
    const std::string hash = absl::StrCat("tip", tip);
    const std::string changed = absl::StrCat("s", tip % 20), stays = absl::StrCat("s", tip % 7);
    for (int i = 0; i < 20; ++i) {
      const std::string service = absl::StrCat("s", i);
      if (service != stays) expected[service] = hash;
    }
    agent.MoveAll(hash, stays);
    agent.Set(changed, expected[changed] = absl::StrCat("own", tip));
  }
  EXPECT_TRUE(Eventually([&] { return planner_->Hashes("web1") == expected; }));
}

TEST_F(ReportTest, WhatChangedWhileThePlannerWasAwayIsThereWhenItIsBack) {
  Agent agent("web1", address_, scheduler_.get());
  agent.Set("nginx", "a");
  agent.Set("db", "a");
  ASSERT_TRUE(Eventually([&] { return planner_->Hashes("web1").size() == 2; }));
  planner_.reset();
  agent.Set("nginx", "b");
  agent.Remove("db");
  agent.Set("new", "a");
  planner_ = std::make_unique<Planner>(store_.store(), address_);
  const auto before = planner_->fleet().Find("web1");
  ASSERT_TRUE(before.ok()) << "it is known, though it has not come back yet";
  EXPECT_TRUE(Eventually([&] {
    return planner_->Hashes("web1") == Hashes{{"new", "a"}, {"nginx", "b"}};
  }));
  EXPECT_EQ(planner_->fleet().Find("web1")->host.state(), v1::HOST_STATE_ONLINE);
}

TEST_F(ReportTest, AnAgentBeginsBeforeThereIsAPlanner) {
  planner_.reset();
  Agent agent("web1", address_, scheduler_.get());
  agent.Set("nginx", "a");
  planner_ = std::make_unique<Planner>(store_.store(), address_);
  EXPECT_TRUE(Eventually([&] { return planner_->Hashes("web1") == Hashes{{"nginx", "a"}}; }));
}

TEST_F(ReportTest, OfTwoAgentsWithOneNameTheOneThatStaysIsBelievedInTheEnd) {
  Agent stays("web1", address_, scheduler_.get());
  stays.Set("nginx", "right");
  ASSERT_TRUE(Eventually([&] { return planner_->Hashes("web1").contains("nginx"); }));
  {
    Agent passes("web1", address_, scheduler_.get());
    passes.Set("other", "wrong");
    ASSERT_TRUE(Eventually([&] { return planner_->Hashes("web1").contains("other"); }));
  }
  ASSERT_TRUE(Eventually([&] { return planner_->Online() == 0; }));
  stays.Set("nginx", "right again");  // its next word; a heartbeat would do
  EXPECT_TRUE(Eventually([&] {
    return planner_->Hashes("web1") == Hashes{{"nginx", "right again"}};
  }));
  EXPECT_EQ(planner_->Online(), 1);
}

TEST_F(ReportTest, AllAgentsAreBackWithinFifteenSeconds) {
  constexpr int kAgents = 300;
  std::vector<std::unique_ptr<Agent>> agents;
  for (int i = 0; i < kAgents; ++i) {
    agents.push_back(std::make_unique<Agent>(absl::StrCat("web", i), address_, scheduler_.get()));
  }
  ASSERT_TRUE(Eventually([&] { return planner_->Online() == kAgents; }));
  planner_.reset();
  planner_ = std::make_unique<Planner>(store_.store(), address_);
  EXPECT_TRUE(Eventually([&] { return planner_->Online() == kAgents; }));
}

}  // namespace
}  // namespace gitops
