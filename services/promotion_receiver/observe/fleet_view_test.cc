#include "services/promotion_receiver/observe/fleet_view.h"

#include <gtest/gtest.h>

#include "common/clock/timestamp.h"

namespace gitops {
namespace {

using Health = TargetObservation::Health;

const absl::Time kNoon = absl::FromUnixSeconds(1767268800);

class FleetViewTest : public testing::Test {
 protected:
  void Host(const std::string& name, v1::HostState state = v1::HOST_STATE_ONLINE) {
    v1::WatchFleetResponse answer;
    answer.mutable_host()->set_host(name);
    answer.mutable_host()->set_state(state);
    view_.Take(answer, now_);
  }
  void Service(const std::string& host, const std::string& hash,
               v1::ServiceState state = v1::SERVICE_STATE_OK, absl::Time changed = kNoon,
               const std::string& pinned = "") {
    v1::WatchFleetResponse answer;
    v1::Service& service = *answer.mutable_service();
    service.set_host(host);
    service.set_service("nginx");
    service.set_hash(hash);
    service.set_state(state);
    service.set_pinned_hash(pinned);
    *service.mutable_change_time() = ToTimestamp(changed);
    view_.Take(answer, now_);
  }
  void Remove(const std::string& host) {
    v1::WatchFleetResponse answer;
    answer.mutable_host()->set_host(host);
    answer.set_removed(true);
    view_.Take(answer, now_);
  }
  void Done() {
    v1::WatchFleetResponse answer;
    answer.set_initial_done(true);
    view_.Take(answer, now_);
  }
  // Two hosts at a revision.
  void Begin(const std::string& hash = "aaa") {
    for (const char* host : {"web1", "web2"}) {
      Host(host);
      Service(host, hash);
    }
    Done();
    now_ += absl::Minutes(1);
  }
  TargetObservation seen() const { return view_.Observation(); }

  FleetView view_{"service nginx on hosts web*"};
  absl::Time now_ = kNoon + absl::Hours(1);
};

TEST_F(FleetViewTest, NothingIsKnownUntilAllWasTold) {
  Host("web1");
  Service("web1", "aaa");
  EXPECT_EQ(seen().health, Health::kUnknown);
  Done();
  EXPECT_EQ(seen().health, Health::kHealthy);
}

TEST_F(FleetViewTest, HealthBeginsWithTheLastChangeOfAHost) {
  Begin();
  EXPECT_EQ(seen().revision, "aaa");
  EXPECT_EQ(seen().since, kNoon);
  EXPECT_EQ(seen().mark, seen().first_mark);
}

TEST_F(FleetViewTest, HostsAtDifferentRevisionsAreNotHealthy) {
  Begin();
  Service("web2", "bbb", v1::SERVICE_STATE_OK, now_);
  EXPECT_EQ(seen().health, Health::kUnhealthy);
  EXPECT_EQ(seen().revision, "");
  EXPECT_EQ(seen().detail, "web1 at aaa, OK; web2 at bbb, OK");
  Service("web1", "bbb", v1::SERVICE_STATE_OK, now_);
  EXPECT_EQ(seen().health, Health::kHealthy);
  EXPECT_EQ(seen().revision, "bbb");
  EXPECT_EQ(seen().since, now_);
}

TEST_F(FleetViewTest, CommitThatChangesNothingOfTheServiceCountsFromWhenItWasSeen) {
  Begin();
  for (const char* host : {"web1", "web2"}) Service(host, "bbb");  // changed at noon
  EXPECT_EQ(seen().revision, "bbb");
  EXPECT_EQ(seen().since, now_);
}

TEST_F(FleetViewTest, BrokenServiceIsUnhealthy) {
  Begin();
  Service("web2", "aaa", v1::SERVICE_STATE_BROKEN, now_);
  EXPECT_EQ(seen().health, Health::kUnhealthy);
  EXPECT_EQ(seen().revision, "aaa");
  EXPECT_EQ(seen().detail, "web2 at aaa, BROKEN");
  now_ += absl::Minutes(1);
  Service("web2", "aaa", v1::SERVICE_STATE_OK, now_);
  EXPECT_EQ(seen().health, Health::kHealthy);
  EXPECT_EQ(seen().first_mark, seen().mark) << "the watch begins anew";
  EXPECT_EQ(seen().since, now_);
}

TEST_F(FleetViewTest, FrozenServiceRuns) {
  Begin();
  Service("web2", "aaa", v1::SERVICE_STATE_FREEZE, now_);
  EXPECT_EQ(seen().health, Health::kHealthy);
  EXPECT_FALSE(seen().deliberate);
}

TEST_F(FleetViewTest, RolledBackServiceIsThereByAPersonsWill) {
  Begin("bbb");
  for (const char* host : {"web1", "web2"}) {
    Service(host, "aaa", v1::SERVICE_STATE_FREEZE, now_, "aaa");
  }
  EXPECT_EQ(seen().health, Health::kHealthy);
  EXPECT_TRUE(seen().deliberate);
}

TEST_F(FleetViewTest, SilentHostIsUnknownAndChangesNothingWhenItIsBack) {
  Begin();
  const auto before = seen();
  Host("web2", v1::HOST_STATE_STALE);
  EXPECT_EQ(seen().health, Health::kUnknown);
  EXPECT_EQ(seen().revision, "aaa");
  EXPECT_EQ(seen().detail, "web2 does not report");
  Host("web2");
  EXPECT_EQ(seen().health, Health::kHealthy);
  EXPECT_EQ(seen().since, before.since);
  EXPECT_EQ(seen().first_mark, before.first_mark);
}

TEST_F(FleetViewTest, WatchThatBeginsAnewComparesTheMarks) {
  Begin();
  const auto before = seen();
  view_.Lose("the planner cannot be reached");
  EXPECT_EQ(seen().health, Health::kUnknown);
  EXPECT_EQ(seen().detail, "the planner cannot be reached");
  Done();
  EXPECT_EQ(seen().first_mark, before.mark) << "nothing changed";
  view_.Lose("the planner cannot be reached");
  Service("web2", "aaa", v1::SERVICE_STATE_OK, kNoon + absl::Minutes(30));
  Done();
  EXPECT_GT(seen().first_mark, before.mark) << "it was broken meanwhile, perhaps";
}

TEST_F(FleetViewTest, HostWithoutTheServiceDoesNotCount) {
  Begin();
  Host("web3", v1::HOST_STATE_NEVER_SEEN);
  EXPECT_EQ(seen().health, Health::kHealthy);
}

TEST_F(FleetViewTest, HostThatLeavesNoLongerCounts) {
  Begin();
  Service("web2", "bbb", v1::SERVICE_STATE_OK, now_);
  Remove("web2");
  EXPECT_EQ(seen().health, Health::kHealthy);
  EXPECT_EQ(seen().revision, "aaa");
}

TEST_F(FleetViewTest, EmptySelectionIsUnknownAndSaysSo) {
  Done();
  EXPECT_EQ(seen().health, Health::kUnknown);
  EXPECT_EQ(seen().detail, "no host is selected");
  Host("web1");
  EXPECT_EQ(seen().detail, "no selected host has the service");
}

TEST_F(FleetViewTest, RestartedWatchForgetsWhatWasTold) {
  Begin();
  v1::WatchFleetResponse restarted;
  restarted.set_restarted(true);
  view_.Take(restarted, now_);
  Host("web1");
  Service("web1", "bbb");
  EXPECT_EQ(seen().health, Health::kUnknown);
  Done();
  EXPECT_EQ(seen().revision, "bbb");
}

}  // namespace
}  // namespace gitops
