// What the planner says of the states of services and hosts beyond what agents report.
#include <gmock/gmock.h>

#include <map>

#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"
#include "services/planner/fleet/fleet_test_base.h"

namespace gitops {
namespace {

using testing::ElementsAre;

v1::Service Synced(const std::string& name, v1::SyncStatus sync) {
  v1::Service service = Service("web1", name, v1::SERVICE_STATE_OK, "aa");
  service.set_sync(sync);
  return service;
}

v1::FailedHealth Failed(const std::string& deployment) {
  v1::FailedHealth failed;
  failed.set_deployment(deployment);
  failed.set_message("http: 503\x01");
  failed.mutable_time()->set_seconds(1'700'000'000);
  return failed;
}

class FleetStateTest : public FleetTest {
 protected:
  std::vector<v1::SyncStatus> Syncs() {
    std::vector<v1::SyncStatus> syncs;
    for (const v1::Service& service : fleet_->Services("web1")) syncs.push_back(service.sync());
    return syncs;
  }
};

TEST_F(FleetStateTest, ServicesOfASilentHostAreUnknownAndKnownAgainWhenItReports) {
  const auto services = {Synced("app", v1::SYNC_STATUS_BEHIND),
                         Synced("db", v1::SYNC_STATUS_CURRENT)};
  auto report = Connect(Hello({"web1"}, services));
  EXPECT_THAT(Syncs(), ElementsAre(v1::SYNC_STATUS_BEHIND, v1::SYNC_STATUS_CURRENT));
  EXPECT_EQ(Find("web1").behind_count(), 1);
  report.reset();
  EXPECT_THAT(Syncs(), ElementsAre(v1::SYNC_STATUS_UNKNOWN, v1::SYNC_STATUS_UNKNOWN));
  EXPECT_EQ(fleet_->Services("web1")[0].state(), v1::SERVICE_STATE_OK) << "as last reported";
  EXPECT_EQ(Find("web1").behind_count(), 0);
  report = Connect(Hello({"web1"}, services));
  EXPECT_THAT(Syncs(), ElementsAre(v1::SYNC_STATUS_BEHIND, v1::SYNC_STATUS_CURRENT));
}

TEST_F(FleetStateTest, AnAgentCannotSayThatItIsUnknownOrThatHealthChecksFailed) {
  v1::Service service = Synced("app", v1::SYNC_STATUS_UNKNOWN);
  *service.mutable_failed_health() = Failed("d1");
  auto report = Connect(Hello({"web1"}, {service}));
  EXPECT_THAT(Syncs(), ElementsAre(v1::SYNC_STATUS_UNSPECIFIED));
  EXPECT_FALSE(fleet_->Services("web1")[0].has_failed_health());
}

TEST_F(FleetStateTest, CommitsComeBackAsReportedAndMoveWithATip) {
  v1::Service service = Synced("app", v1::SYNC_STATUS_CURRENT);
  service.set_upstream("https://git.example/ops.git");
  service.set_branch("main");
  service.set_target_hash("aa");
  service.set_state_reason(v1::STATE_REASON_DRIFT);
  for (v1::Commit* commit : {service.mutable_commit(), service.mutable_target_commit()}) {
    commit->set_hash("aa");
    commit->set_subject("Initial\nrest");
  }
  auto report = Connect(Hello({"web1"}, {service}));
  v1::Service shown = fleet_->Services("web1")[0];
  EXPECT_EQ(shown.commit().hash(), "aa");
  EXPECT_EQ(shown.commit().subject(), "Initial rest");
  EXPECT_EQ(shown.target_commit().SerializeAsString(), shown.commit().SerializeAsString());
  EXPECT_EQ(shown.state_reason(), v1::STATE_REASON_DRIFT);
  v1::TipVerified tip;
  tip.set_upstream("https://git.example/ops.git");
  tip.set_branch("main");
  tip.set_hash("bb");
  tip.mutable_commit()->set_hash("bb");
  tip.mutable_commit()->set_subject("Second");
  ASSERT_TRUE(report->TipVerified(tip).ok());
  shown = fleet_->Services("web1")[0];
  EXPECT_EQ(shown.commit().subject(), "Second");
  EXPECT_EQ(shown.target_commit().subject(), "Second");
  tip.set_hash("cc");
  tip.clear_commit();
  ASSERT_TRUE(report->TipVerified(tip).ok());
  EXPECT_FALSE(fleet_->Services("web1")[0].has_commit()) << "what is known is of another commit";
}

TEST_F(FleetStateTest, AServiceThatPublishesNothingHasNoCommit) {
  const auto report = Connect(Hello({"web1"}, {Service("web1", "app")}));
  const v1::Service shown = fleet_->Services("web1").at(0);
  EXPECT_FALSE(shown.has_commit());
  EXPECT_FALSE(shown.has_target_commit());
}

TEST_F(FleetStateTest, AMarkIsOnTheHostAndItsServicesUntilItIsTakenAway) {
  auto report = Connect(Hello({"web1"}, {Synced("app", v1::SYNC_STATUS_CURRENT)}));
  EXPECT_TRUE(*fleet_->MarkHealth("WEB1", Failed("d1")));
  EXPECT_EQ(Find("web1").failed_health().deployment(), "d1");
  EXPECT_EQ(Find("web1").failed_health().message(), "http: 503 ");
  EXPECT_EQ(fleet_->Hosts()[0]->host.failed_health().deployment(), "d1");
  EXPECT_EQ(fleet_->Services("web1")[0].failed_health().deployment(), "d1");
  EXPECT_TRUE(*fleet_->MarkHealth("web1", std::nullopt));
  EXPECT_FALSE(*fleet_->MarkHealth("web1", std::nullopt)) << "there is none any more";
  EXPECT_FALSE(Find("web1").has_failed_health());
  EXPECT_FALSE(fleet_->Services("web1")[0].has_failed_health());
  EXPECT_TRUE(absl::IsNotFound(fleet_->MarkHealth("nobody", Failed("d1")).status()));
}

TEST_F(FleetStateTest, AMarkSurvivesARestartAndGoesWithAHostThatIsForgotten) {
  TempStore store(&clock_);
  auto fleet = NewFleet({.clock = &clock_, .store = store.store()});
  auto report = *fleet->Connected(Hello({"web1"}), kPeer, MakePrincipal("", "", kPeer));
  ASSERT_TRUE(fleet->MarkHealth("web1", Failed("d1")).ok());
  EXPECT_TRUE(Eventually([&] { return store.store()->Get("planner/v1/seen/web1").ok(); }));
  report.reset();
  fleet.reset();
  fleet = NewFleet({.clock = &clock_, .store = store.store()});
  EXPECT_EQ(fleet->Find("web1")->host.failed_health().deployment(), "d1");
  clock_.Advance(absl::Hours(24 * 31));
  EXPECT_TRUE(Eventually([&] { return !store.store()->Get("planner/v1/health/web1").ok(); }));
}

TEST_F(FleetStateTest, AMarkThatCannotBeStoredIsNotShown) {
  TempStore temp(&clock_);
  FaultyStore store(temp.store());
  auto fleet = NewFleet({.clock = &clock_, .store = &store});
  auto report = *fleet->Connected(Hello({"web1"}), kPeer, MakePrincipal("", "", kPeer));
  store.FailKeys("planner/v1/health/");
  EXPECT_FALSE(fleet->MarkHealth("web1", Failed("d1")).ok());
  EXPECT_FALSE(fleet->Find("web1")->host.has_failed_health());
}

TEST_F(FleetStateTest, AServiceIsHadByReportOrByConfiguration) {
  Configure({Host("web1"), Host("web2")}, {Placed("web1", "placed")});
  auto report = Connect(Hello({"web1"}, {Synced("app", v1::SYNC_STATUS_CURRENT)}));
  EXPECT_TRUE(fleet_->HasService("web1", "app"));
  EXPECT_TRUE(fleet_->HasService("WEB1", "placed"));
  EXPECT_FALSE(fleet_->HasService("web1", "ap"));
  EXPECT_FALSE(fleet_->HasService("web2", "app"));
  EXPECT_FALSE(fleet_->HasService("nobody", "app"));
}

TEST_F(FleetStateTest, ACoordinatedServiceIsAwaitedUntilItIsReported) {
  ServiceSpec automatic = Placed("web1", "own");
  automatic.tracking = Tracking::kAuto;
  Configure({Host("web1"), Host("web2")},
            {Placed("web1", "app"), Placed("web1", "new"), Placed("web2", "app"), automatic});
  auto web1 = Connect(Hello({"web1"}, {Synced("app", v1::SYNC_STATUS_CURRENT)}));
  auto web2 = Connect(Hello({"web2"}, {Synced("app", v1::SYNC_STATUS_CURRENT)}));
  EXPECT_TRUE(fleet_->AwaitsCoordinated("WEB1", ""));
  EXPECT_TRUE(fleet_->AwaitsCoordinated("web1", "new"));
  EXPECT_FALSE(fleet_->AwaitsCoordinated("web1", "app"));
  EXPECT_FALSE(fleet_->AwaitsCoordinated("web1", "own"));
  EXPECT_FALSE(fleet_->AwaitsCoordinated("web2", ""));
  EXPECT_FALSE(fleet_->AwaitsCoordinated("nobody", ""));
}

}  // namespace
}  // namespace gitops
