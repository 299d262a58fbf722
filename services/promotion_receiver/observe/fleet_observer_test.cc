#include "services/promotion_receiver/observe/fleet_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/timestamp.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "ctl/testing/fake_planner.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Health = TargetObservation::Health;

class FleetObserverTest : public testing::Test {
 protected:
  FleetObserverTest() {
    pipeline_->namespace_ = "shopping";
    pipeline_->name = "search";
    pipeline_->app = {"gitops/v1", "Service", "nginx"};
    for (const char* name : {"dev", "prod"}) {
      Environment environment;
      environment.name = name;
      Target target;
      target.hosts.emplace();
      for (const char* number : {"1", "2"}) {
        target.hosts->add_on(std::string(name) + number);
      }
      environment.targets.push_back(target);
      pipeline_->environments.push_back(environment);
    }
    for (const char* host : {"dev1", "dev2", "prod1", "prod2"}) {
      Host(host);
      Service(host, "aaa");
    }
  }

  void Host(const std::string& name, v1::HostState state = v1::HOST_STATE_ONLINE) {
    v1::Host host;
    host.set_host(name);
    host.set_state(state);
    planner_->PutHost(host);
  }
  void Service(const std::string& host, const std::string& hash,
               const std::string& name = "nginx") {
    v1::Service service;
    service.set_host(host);
    service.set_service(name);
    service.set_hash(hash);
    service.set_state(v1::SERVICE_STATE_OK);
    *service.mutable_change_time() = ToTimestamp(absl::FromUnixSeconds(1767268800));
    planner_->PutService(service);
  }

  void Start() {
    auto client = PlannerClient::New({.address = planner_->address()});
    ASSERT_TRUE(client.ok()) << client.status();
    observer_ = NewFleetObserver({.planner = *client});
    observer_->OnChange([this](const EnvironmentName& environment) {
      MutexLock lock(mutex_);
      changed_.insert(environment.environment);
    });
    observer_->SetPipelines({pipeline_});
  }

  TargetObservation Seen(const std::string& environment) {
    const auto all = observer_->Of({"shopping", "search", environment});
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? TargetObservation() : all[0];
  }
  testing::AssertionResult Sees(const std::string& environment, Health health,
                                const std::string& revision) {
    if (Eventually(
            [&] {
              const TargetObservation seen = Seen(environment);
              return seen.health == health && seen.revision == revision;
            },
            absl::Seconds(20))) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << Seen(environment).revision << Seen(environment).detail;
  }
  bool Changed(const std::string& environment) {
    MutexLock lock(mutex_);
    return changed_.erase(environment) > 0;
  }

  std::unique_ptr<ctl::FakePlanner> planner_ = ctl::FakePlanner::Start();
  const std::shared_ptr<Pipeline> pipeline_ = std::make_shared<Pipeline>();
  Mutex mutex_;
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Observer> observer_;
};

TEST_F(FleetObserverTest, EachTargetIsSeenThroughOneWatch) {
  Service("dev1", "ddd", "haproxy");
  Start();
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "aaa"));
  EXPECT_TRUE(Sees("prod", Health::kHealthy, "aaa"));
  EXPECT_EQ(Seen("dev").target, "service nginx on hosts dev1,dev2");
  int watches = 0;
  for (const auto& call : planner_->calls()) watches += call.method == "WatchFleet";
  EXPECT_EQ(watches, 1);
}

TEST_F(FleetObserverTest, ChangeIsToldForItsEnvironmentOnly) {
  Start();
  EXPECT_TRUE(Sees("prod", Health::kHealthy, "aaa"));
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "aaa"));
  EXPECT_TRUE(Eventually([&] { return Changed("prod"); }));
  EXPECT_TRUE(Eventually([&] { return Changed("dev"); }));
  Service("dev1", "bbb");
  EXPECT_TRUE(Sees("dev", Health::kUnhealthy, ""));
  EXPECT_TRUE(Eventually([&] { return Changed("dev"); }));
  Service("dev2", "bbb");
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "bbb"));
  EXPECT_TRUE(Eventually([&] { return Changed("dev"); }));
  EXPECT_FALSE(Changed("prod"));
}

TEST_F(FleetObserverTest, HostThatGoesSilentMakesItUnknown) {
  Start();
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "aaa"));
  Host("dev2", v1::HOST_STATE_STALE);
  EXPECT_TRUE(Sees("dev", Health::kUnknown, "aaa"));
}

TEST_F(FleetObserverTest, PlannerThatEndsTheWatchIsWatchedAgain) {
  Start();
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "aaa"));
  planner_->EndWatches(absl::UnavailableError("the planner is stopping"));
  EXPECT_TRUE(Eventually([&] { return Seen("dev").detail == "the planner is stopping"; }) ||
              planner_->WaitForWatches(2));
  EXPECT_TRUE(planner_->WaitForWatches(2));
  Service("dev1", "bbb");
  Service("dev2", "bbb");
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "bbb"));
}

TEST_F(FleetObserverTest, PlannerOutOfReachIsUnknownAndSaysWhy) {
  planner_->Fail("WatchFleet", absl::UnavailableError("the planner is down"));
  Start();
  EXPECT_TRUE(Eventually([&] { return Seen("dev").detail == "the planner is down"; }));
  EXPECT_EQ(Seen("dev").health, Health::kUnknown);
}

TEST_F(FleetObserverTest, SelectionThatCannotBeListedIsUnknownAndSaysWhy) {
  planner_->Fail("ListHosts", absl::InvalidArgumentError("bad glob"));
  Start();
  EXPECT_TRUE(Eventually([&] { return Seen("dev").detail == "bad glob"; }));
  EXPECT_EQ(Seen("dev").health, Health::kUnknown);
}

TEST_F(FleetObserverTest, SelectionThatIsRefusedKeepsNoOtherFromBeingListed) {
  planner_->Fail("ListHosts", absl::InvalidArgumentError("bad glob"));
  Start();
  for (const char* environment : {"dev", "prod"}) {
    EXPECT_TRUE(Eventually([&] { return Seen(environment).detail == "bad glob"; })) << environment;
  }
}

TEST_F(FleetObserverTest, HostThatJoinsTheSelectionCounts) {
  pipeline_->environments[0].targets[0].hosts->add_on("dev3");
  Start();
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "aaa"));
  Service("dev3", "bbb");
  Host("dev3");
  EXPECT_TRUE(Sees("dev", Health::kUnhealthy, ""));
}

TEST_F(FleetObserverTest, PipelinesOfOtherKindsAreNotObserved) {
  pipeline_->app = {"helm.toolkit.fluxcd.io/v2", "HelmRelease", "nginx"};
  Start();
  EXPECT_THAT(observer_->Of({"shopping", "search", "dev"}), IsEmpty());
}

TEST_F(FleetObserverTest, ServiceOfAPipelineThatIsNewIsObserved) {
  for (const char* host : {"dev1", "dev2"}) Service(host, "ccc", "haproxy");
  Start();
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "aaa"));
  auto changed = std::make_shared<Pipeline>(*pipeline_);
  changed->app.name = "haproxy";
  observer_->SetPipelines({changed});
  EXPECT_TRUE(Sees("dev", Health::kHealthy, "ccc"));
}

TEST_F(FleetObserverTest, DestructionDoesNotWaitForAPlannerThatHangs) {
  planner_->Hang("WatchFleet");
  planner_->Hang("ListHosts");
  Start();
  EXPECT_EQ(Seen("dev").health, Health::kUnknown);
  observer_.reset();
}

}  // namespace
}  // namespace gitops
