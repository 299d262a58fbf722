// What deployments do to the services of a host in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "agent/controller/fake_drivers.h"
#include "agent/controller/host_agent.h"
#include "agent/operation/freeze_action.h"
#include "agent/operation/sync_action.h"
#include "agent/record/record.h"
#include "common/clock/clock.h"
#include "common/rpc/error.h"
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
constexpr char kUpstream[] = "https://git.example/ops.git";

class ServiceActionsTest : public testing::Test {
 protected:
  ServiceActionsTest() {
    for (const std::string& revision : {kA, kB, kC}) host_.Push("main", revision);
    scheduler_ = NewScheduler(Clock::System(), 4);
    HostAgentOptions options;
    options.clock = Clock::System();
    options.scheduler = scheduler_.get();
    options.records = &records_;
    options.drivers = &host_;
    agent_ = std::make_unique<HostAgent>(std::move(options));
    Configure({Spec("web"), Spec("db"), Spec("log", Tracking::kAuto)});
  }
  ~ServiceActionsTest() override { host_.Release(); }

  void Configure(const std::vector<ServiceSpec>& specs) {
    const absl::Status configured = agent_->Configure(specs);
    ASSERT_TRUE(configured.ok()) << configured;
  }

  static ServiceSpec Spec(const std::string& service, Tracking tracking = Tracking::kCoordinated) {
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = service;
    spec.poll = absl::Hours(1);
    spec.tracking = tracking;
    spec.upstream.url = "https://user:hunter2@git.example/ops.git?token=1";
    return spec;
  }

  static v1::PerformActionRequest To(const std::string& hash, const std::string& service = "") {
    v1::PerformActionRequest request;
    request.mutable_operation()->set_id("d/web1/1");
    request.mutable_operation()->set_deployment("d");
    request.mutable_operation()->set_actor("alice");
    request.set_action("sync");
    request.set_service(service);
    v1::UpstreamRevision& revision = *request.add_upstream_revisions();
    revision.set_upstream(kUpstream);
    revision.set_branch("main");
    revision.set_hash(hash);
    return request;
  }

  ActionOutcome Sync(const v1::PerformActionRequest& request) {
    record::v1::Operation operation;
    if (absl::Status noted = NoteSync(*agent_, request, operation); !noted.ok()) {
      return ActionOutcome::Of(noted);
    }
    return SyncServices(*agent_, request, operation);
  }

  static std::vector<std::string> Moves(const ActionOutcome& outcome) {
    std::vector<std::string> moves;
    for (const v1::ServiceMove& move : outcome.response.moves()) {
      moves.push_back(move.service() + " " + move.from_hash().substr(0, 1) + ">" +
                      move.to_hash().substr(0, 1));
    }
    return moves;
  }

  ServiceRecord Record(const std::string& service) {
    return (*agent_->Find(service))->View().record;
  }

  FakeHost host_;
  TempStore temp_;
  RecordStore records_{temp_.store()};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HostAgent> agent_;
};

TEST_F(ServiceActionsTest, SyncMovesAllCoordinatedServicesAndTellsFromWhereToWhere) {
  EXPECT_THAT(Moves(Sync(To(kA))), ElementsAre("db >a", "web >a"));
  const ActionOutcome moved = Sync(To(kB));
  ASSERT_TRUE(moved.ok()) << moved.message;
  EXPECT_THAT(Moves(moved), ElementsAre("db a>b", "web a>b"));
  EXPECT_THAT(moved.response.output(), HasSubstr("web: " + kA + " -> " + kB));
  EXPECT_THAT(Moves(Sync(To(kB))), ElementsAre("db b>b", "web b>b"));
  EXPECT_THAT(host_.Look("web").activations, ElementsAre(kA, kB));
}

TEST_F(ServiceActionsTest, SyncOfOneServiceLeavesTheOthers) {
  EXPECT_THAT(Moves(Sync(To(kA, "web"))), ElementsAre("web >a"));
  EXPECT_THAT(host_.Look("db").activations, IsEmpty());
}

TEST_F(ServiceActionsTest, AServicesOwnRevisionBeatsThatOfItsUpstream) {
  v1::PerformActionRequest request = To(kA);
  v1::ServiceRevision& own = *request.add_service_revisions();
  own.set_service("db");
  own.set_hash(std::string(40, 'B'));
  ASSERT_TRUE(Sync(request).ok());
  EXPECT_EQ(Record("db").hash, kB);
  EXPECT_EQ(Record("web").hash, kA);
}

TEST_F(ServiceActionsTest, RevisionsAreOfTheirUpstreamAndBranchAndEmptyMeansAny) {
  v1::PerformActionRequest request = To(kA);
  request.mutable_upstream_revisions(0)->set_branch("canary");
  const ActionOutcome refused = Sync(request);
  EXPECT_EQ(refused.code, StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message, HasSubstr("branch main of https://git.example/ops.git"));
  EXPECT_THAT(refused.message, testing::Not(HasSubstr("hunter2")));
  request.mutable_upstream_revisions(0)->set_branch("main");
  request.mutable_upstream_revisions(0)->set_upstream("https://git.example/other.git");
  EXPECT_EQ(Sync(request).code, StatusCode::kFailedPrecondition);
  request.mutable_upstream_revisions(0)->clear_branch();
  request.mutable_upstream_revisions(0)->clear_upstream();
  EXPECT_TRUE(Sync(request).ok());
}

TEST_F(ServiceActionsTest, WhatDoesNotConcernThisHostIsNoFailure) {
  const ActionOutcome other = Sync(To(kA, "mail"));
  EXPECT_TRUE(other.ok());
  EXPECT_EQ(other.response.output(), "no service mail here");
  Configure({Spec("log", Tracking::kAuto)});
  const ActionOutcome none = Sync(To(kA));
  EXPECT_TRUE(none.ok());
  EXPECT_EQ(none.response.output(), "no coordinated services here");
}

TEST_F(ServiceActionsTest, AServiceThatFollowsItsBranchIsRefusedByName) {
  const ActionOutcome refused = Sync(To(kA, "log"));
  EXPECT_EQ(refused.code, StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message, HasSubstr("tracking = auto"));
  EXPECT_TRUE(HasReason(refused.status(), Reason::kServiceNotCoordinated));
}

TEST_F(ServiceActionsTest, OneThatFailsStopsNoOtherAndWhatMovedIsTold) {
  ASSERT_TRUE(Sync(To(kA)).ok());
  ASSERT_TRUE((*agent_->Find("db"))->Freeze("bob", "").ok());
  const ActionOutcome frozen = Sync(To(kB));
  EXPECT_EQ(frozen.code, StatusCode::kFailedPrecondition);
  EXPECT_THAT(frozen.message, HasSubstr("db: is frozen by bob"));
  EXPECT_TRUE(HasReason(frozen.status(), Reason::kServiceFrozen));
  EXPECT_EQ(MetadataOf(frozen.status())["service"], "db");
  EXPECT_EQ(MetadataOf(frozen.status())["frozen_by"], "bob");
  EXPECT_THAT(Moves(frozen), ElementsAre("web a>b"));
  host_.FailActivate(kC, absl::FailedPreconditionError("exit 1"));
  const ActionOutcome mixed = Sync(To(kC));
  EXPECT_EQ(mixed.code, StatusCode::kInternal);
  EXPECT_TRUE(HasReason(mixed.status(), Reason::kInternal)) << "they failed for different reasons";
  EXPECT_THAT(mixed.message, HasSubstr("frozen by bob"));
  EXPECT_THAT(mixed.message, HasSubstr("web: is BROKEN at " + kB));
  EXPECT_THAT(Moves(mixed), ElementsAre("web b>c")) << "it would try that again, so it is told";
}

TEST_F(ServiceActionsTest, ARevisionThatIsNowhereIsNotFoundAndMovesNothing) {
  const ActionOutcome outcome = Sync(To(std::string(40, 'd')));
  EXPECT_EQ(outcome.code, StatusCode::kNotFound);
  EXPECT_THAT(Moves(outcome), IsEmpty());
  EXPECT_THAT(host_.Look("web").activations, IsEmpty());
}

TEST_F(ServiceActionsTest, AnInterruptedSyncThatIsDoneAgainStillKnowsWhereItCameFrom) {
  ASSERT_TRUE(Sync(To(kA, "web")).ok());
  record::v1::Operation before;
  ASSERT_TRUE(NoteSync(*agent_, To(kB, "web"), before).ok());
  ASSERT_TRUE(SyncServices(*agent_, To(kB, "web"), before).ok());
  EXPECT_THAT(Moves(SyncServices(*agent_, To(kB, "web"), before)), ElementsAre("web a>b"));
}

TEST_F(ServiceActionsTest, AConfigurationThatChangesMeanwhileDelaysButDoesNotFailIt) {
  host_.HoldActivations();
  auto sync = std::async(std::launch::async, [&] { return Sync(To(kA, "web")); });
  ASSERT_TRUE(host_.AwaitHeld());
  ServiceSpec changed = Spec("web");
  changed.keep_revisions = 9;
  Configure({changed});
  host_.Release();
  const ActionOutcome outcome = sync.get();
  EXPECT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(Record("web").hash, kA);
}

TEST_F(ServiceActionsTest, ASyncGivesUpWithItsCallerAndItsMovesGoOn) {
  host_.HoldActivations();
  std::atomic<bool> gone = false;
  auto sync = std::async(std::launch::async, [&] {
    return SyncServices(*agent_, To(kA, "web"), record::v1::Operation(),
                        [&] { return gone.load(); });
  });
  ASSERT_TRUE(host_.AwaitHeld());
  gone = true;
  ASSERT_EQ(sync.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(sync.get().code, StatusCode::kCancelled);
  host_.Release();
  EXPECT_TRUE(Eventually([&] { return Record("web").hash == kA; }));
}

TEST_F(ServiceActionsTest, HashesThatAreNoneAreRefused) {
  for (const std::string hash : {"", "abc", "main", "../../x"}) {
    EXPECT_EQ(CheckSync(To(hash)).code(), StatusCode::kInvalidArgument) << hash;
  }
  EXPECT_TRUE(CheckSync(To(kA)).ok());
}

TEST_F(ServiceActionsTest, ThePrincipalOfTheDeploymentIsInTheHistoryIfItsTextAgrees) {
  v1::PerformActionRequest request = To(kA, "web");
  const Actor alice = MakePrincipal("alice", "", "ipv4:192.0.2.7:4711");
  WriteActor(alice, *request.mutable_operation());
  ASSERT_TRUE(Sync(request).ok());
  ASSERT_TRUE(FreezeServices(*agent_, request).ok());
  EXPECT_EQ(Record("web").frozen_by, alice);
  EXPECT_EQ((*agent_->Find("web"))->Changes()->front().actor, alice);
  request.mutable_operation()->set_actor("bob");
  ASSERT_TRUE(FreezeServices(*agent_, request).ok());
  EXPECT_EQ(Record("web").frozen_by, Actor("bob"));
}

TEST_F(ServiceActionsTest, FreezeAndUnfreezeConcernAllServicesOrOneAndAreInTheHistory) {
  v1::PerformActionRequest request = To(kA);
  ASSERT_TRUE(Sync(request).ok());
  ASSERT_TRUE(FreezeServices(*agent_, request).ok());
  for (const std::string service : {"web", "db", "log"}) {
    EXPECT_EQ(Record(service).frozen_by, "alice") << service;
  }
  auto changes = (*agent_->Find("web"))->Changes();
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->front().reason, "freeze: deployment d");
  request.set_service("web");
  EXPECT_EQ(UnfreezeServices(*agent_, request).response.output(), "web: unfrozen");
  EXPECT_EQ(UnfreezeServices(*agent_, request).response.output(), "web: was not frozen");
  EXPECT_TRUE(Record("db").frozen);
  request.set_service("mail");
  EXPECT_EQ(FreezeServices(*agent_, request).response.output(), "no service mail here");
}

}  // namespace
}  // namespace gitops
