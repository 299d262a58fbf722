// What a deployment asks of coordinated services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/controller/fake_drivers.h"
#include "agent/controller/host_agent.h"
#include "agent/record/record.h"
#include "common/clock/clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

class SyncTest : public testing::Test {
 protected:
  SyncTest() {
    for (const std::string& revision : {kA, kB, kC}) host_.Push("main", revision);
    scheduler_ = NewScheduler(Clock::System(), 4);
    HostAgentOptions options;
    options.clock = Clock::System();
    options.scheduler = scheduler_.get();
    options.records = &records_;
    options.drivers = &host_;
    agent_ = std::make_unique<HostAgent>(std::move(options));
    EXPECT_TRUE(agent_->Configure({Spec("web"), Spec("db")}).ok());
    // What the upstream says later is no matter of this poll, which is the only one within an hour.
    EXPECT_TRUE(Eventually([this] { return Polled("web") && Polled("db"); }));
  }
  ~SyncTest() override { host_.Release(); }

  static ServiceSpec Spec(const std::string& service) {
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = service;
    spec.poll = absl::Hours(1);
    spec.tracking = Tracking::kCoordinated;
    return spec;
  }

  bool Polled(const std::string& service) {
    return Find(service)->View().last_poll > absl::InfinitePast();
  }

  std::shared_ptr<ServiceController> Find(const std::string& service = "web") {
    return *agent_->Find(service);
  }

  absl::StatusOr<ServiceRecord> Sync(const std::string& revision, const Patience& patience = {}) {
    auto sync = Find()->StartSync(revision, "alice", "release", patience);
    if (!sync.ok()) return sync.status();
    return Find()->AwaitSync(*sync, patience);
  }

  FakeHost host_;
  TempStore temp_;
  FaultyStore store_{temp_.store()};
  RecordStore records_{&store_};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HostAgent> agent_;
};

TEST_F(SyncTest, PublishesTheFirstRevisionAndMovesOnAndBackWhateverTheTipIs) {
  for (const std::string& revision : {kA, kB, kA}) {
    auto record = Sync(revision);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->hash, revision);
    EXPECT_EQ(record->state, State::kOk);
  }
  EXPECT_THAT(host_.Look("web").activations, ElementsAre(kA, kB, kA));
  EXPECT_THAT(host_.Look("db").activations, IsEmpty());
}

TEST_F(SyncTest, TellsWhereTheServiceWasBefore) {
  auto first = Find()->StartSync(kA, "alice", "", {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->from_hash, "");
  ASSERT_TRUE(Find()->AwaitSync(*first, {}).ok());
  auto second = Find()->StartSync("bbbb", "alice", "", {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->from_hash, kA);
  EXPECT_EQ(second->revision, kB);
}

TEST_F(SyncTest, ToWhereItIsHealthyDoesNothingAndNeedsNoUpstream) {
  ASSERT_TRUE(Sync(kA).ok());
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  store_.FailKeys("agent/", absl::UnavailableError("disk full"));
  ASSERT_TRUE(Sync(kA).ok());
  EXPECT_THAT(host_.Look("web").activations, ElementsAre(kA));
}

TEST_F(SyncTest, OfAServiceThatFollowsItsBranchIsRefused) {
  ServiceSpec spec = Spec("web");
  spec.tracking = Tracking::kAuto;
  ASSERT_TRUE(agent_->Configure({spec}).ok());
  const absl::Status refused = Sync(kA).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("tracking = auto"));
}

TEST_F(SyncTest, OfAFrozenServiceIsRefusedAndNamesWhoFrozeItUntilItIsUnfrozen) {
  ASSERT_TRUE(Sync(kA).ok());
  ASSERT_TRUE(Find()->Freeze("bob", "").ok());
  const absl::Status refused = Sync(kB).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("bob"));
  EXPECT_EQ(host_.Look("web").published, kA);
  ASSERT_TRUE(Find()->Unfreeze("bob", "").ok());
  EXPECT_TRUE(Sync(kB).ok());
}

TEST_F(SyncTest, ToARevisionThatIsNowhereIsNotFoundAndChangesNothing) {
  ASSERT_TRUE(Sync(kA).ok());
  const ServiceRecord before = Find()->View().record;
  EXPECT_EQ(Sync(std::string(40, 'd')).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Find()->View().record, before);
}

TEST_F(SyncTest, WithAnUpstreamThatDoesNotAnswerFailsAndChangesNothing) {
  ASSERT_TRUE(Sync(kA).ok());
  const ServiceRecord before = Find()->View().record;
  host_.SetUpstreamStatus(absl::UnavailableError("no route"));
  const absl::Status failed = Sync(kB).status();
  EXPECT_EQ(failed.code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("no route"));
  EXPECT_EQ(Find()->View().record, before);
}

TEST_F(SyncTest, ThatCannotBeActivatedFailsWithStateAndReasonAndTheWayBackIsOpen) {
  ASSERT_TRUE(Sync(kA).ok());
  host_.FailActivate(kB, absl::FailedPreconditionError("exit 1"));
  const absl::Status failed = Sync(kB).status();
  EXPECT_EQ(failed.code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("BROKEN at " + kA));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("exit 1"));
  ASSERT_TRUE(Sync(kA).ok());
  EXPECT_EQ(Find()->View().record.state, State::kOk);
  EXPECT_EQ(host_.Look("web").activated, kA);
}

TEST_F(SyncTest, WhoseFilesAreRefusedFailsWithTheReason) {
  host_.FailPrepare(kB, absl::FailedPreconditionError("a symlink leads out"));
  const absl::Status failed = Sync(kB).status();
  EXPECT_EQ(failed.code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("nothing published"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("a symlink leads out"));
}

TEST_F(SyncTest, ThatCannotBeStoredIsNotBegun) {
  store_.FailKeys("agent/", absl::UnavailableError("disk full"));
  EXPECT_EQ(Sync(kA).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(host_.Look("web").published, "");
}

TEST_F(SyncTest, DoesNotWaitForTheFetchOfAnEarlierOneAndThatOneIsAborted) {
  host_.HoldFetches();
  auto first = Find()->StartSync(kB, "alice", "", {});
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(host_.AwaitHeldFetch());
  auto second = Find()->StartSync(kC, "alice", "", {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(Find()->AwaitSync(*first, {}).status().code(), StatusCode::kAborted);
  host_.ReleaseFetches();
  auto record = Find()->AwaitSync(*second, {});
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->hash, kC);
}

TEST_F(SyncTest, IsAbortedWhenTheServiceIsFrozenOnTheWay) {
  host_.HoldFetches();
  auto sync = Find()->StartSync(kB, "alice", "", {});
  ASSERT_TRUE(sync.ok());
  ASSERT_TRUE(host_.AwaitHeldFetch());
  ASSERT_TRUE(Find()->Freeze("bob", "").ok());
  EXPECT_EQ(Find()->AwaitSync(*sync, {}).status().code(), StatusCode::kAborted);
  host_.ReleaseFetches();
}

TEST_F(SyncTest, OfTwoServicesAreOnTheirWayAtTheSameTime) {
  host_.HoldActivations();
  auto web = Find("web")->StartSync(kA, "alice", "", {});
  auto db = Find("db")->StartSync(kA, "alice", "", {});
  ASSERT_TRUE(web.ok() && db.ok());
  ASSERT_TRUE(Eventually([this] {
    return !host_.Look("web").activations.empty() && !host_.Look("db").activations.empty();
  }));
  host_.Release();
  EXPECT_TRUE(Find("web")->AwaitSync(*web, {}).ok());
  EXPECT_TRUE(Find("db")->AwaitSync(*db, {}).ok());
}

TEST_F(SyncTest, GoesOnWhenItsCallerGaveUp) {
  host_.HoldActivations();
  auto sync = Find()->StartSync(kA, "alice", "", {});
  ASSERT_TRUE(sync.ok());
  EXPECT_EQ(Find()->AwaitSync(*sync, {.deadline = absl::Now()}).status().code(),
            StatusCode::kDeadlineExceeded);
  host_.Release();
  EXPECT_TRUE(Find()->AwaitSync(*sync, {}).ok());
}

TEST_F(SyncTest, IsInTheHistoryWithWhoAndWhy) {
  ASSERT_TRUE(Sync(kA).ok());
  auto changes = Find()->Changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_GE(changes->size(), 2u);
  EXPECT_EQ((*changes)[0].to_hash, kA);
  EXPECT_EQ((*changes)[0].reason, "requested by a deployment");
  EXPECT_EQ((*changes)[1].actor, "alice");
  EXPECT_EQ((*changes)[1].reason, "sync to " + kA + ": release");
}

TEST_F(SyncTest, TheTipIsAskedForAlsoOfAServiceThatIsFrozen) {
  ASSERT_TRUE(Find()->Freeze("bob", "").ok());
  host_.Push("main", std::string(40, 'e'));
  EXPECT_EQ(*agent_->Tip("web"), std::string(40, 'e'));
  EXPECT_EQ(agent_->Tip("none").status().code(), StatusCode::kNotFound);
  host_.SetUpstreamStatus(absl::UnavailableError("no route"));
  EXPECT_EQ(agent_->Tip("web").status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gitops
