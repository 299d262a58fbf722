#include "agent/controller/host_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "agent/controller/fake_drivers.h"
#include "agent/record/record.h"
#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

class HostAgentTest : public testing::Test {
 protected:
  HostAgentTest() { host_.Push("main", kA); }

  static ServiceSpec Spec(const std::string& service = "web") {
    ServiceSpec spec;
    spec.machine = "web1";
    spec.service = service;
    spec.poll = absl::Seconds(60);
    return spec;
  }

  void Start(const std::vector<ServiceSpec>& specs) {
    scheduler_ = NewScheduler(&clock_, 4);
    HostAgentOptions options;
    options.clock = &clock_;
    options.scheduler = scheduler_.get();
    options.records = &records_;
    options.drivers = &host_;
    options.on_change = [this](const std::string&, const ServiceView&) {
      MutexLock lock(mutex_);
      changed_.NotifyAll();
    };
    agent_ = std::make_unique<HostAgent>(std::move(options));
    const absl::Status configured = agent_->Configure(specs);
    ASSERT_TRUE(configured.ok()) << configured;
  }

  void Restart(const std::vector<ServiceSpec>& specs) {
    agent_.reset();
    scheduler_.reset();
    Start(specs);
  }

  ServiceRecord Record(const std::string& service = "web") {
    auto controller = agent_->Find(service);
    return controller.ok() ? (*controller)->View().record : ServiceRecord{};
  }

  // Waits for a record, moving the clock on by `step` where that is what it takes.
  bool Await(const std::function<bool(const ServiceRecord&)>& wanted,
             absl::Duration step = absl::ZeroDuration(), const std::string& service = "web") {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!wanted(Record(service))) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "state " << StateName(Record(service).state) << ", hash "
                      << Record(service).hash << ", info " << Record(service).info;
        return false;
      }
      if (step > absl::ZeroDuration()) clock_.Advance(step);
      MutexLock lock(mutex_);
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    }
    return true;
  }

  bool AwaitAt(const std::string& hash, State state = State::kOk) {
    return Await(
        [&](const ServiceRecord& r) {
          return r.hash == hash && r.state == state && r.pending.empty();
        },
        absl::Seconds(15));
  }

  std::shared_ptr<ServiceController> Web() { return *agent_->Find("web"); }

  FakeClock clock_;
  FakeHost host_;
  TempStore temp_;
  FaultyStore store_{temp_.store()};
  RecordStore records_{&store_};
  Mutex mutex_;
  CondVar changed_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<HostAgent> agent_;
};

TEST_F(HostAgentTest, PublishesAndActivatesTheTipAndWhatComesAfterIt) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  EXPECT_EQ(host_.Look("web").activated, kA);
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_THAT(host_.Look("web").activations, ElementsAre(kA, kB));
}

TEST_F(HostAgentTest, ACommitThatChangesNothingOfTheServiceIsNotedAndTouchesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.MakeSame(kA, kB);
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(host_.Look("web").published, kA);
  EXPECT_THAT(host_.Look("web").activations, ElementsAre(kA));
}

TEST_F(HostAgentTest, AFrozenServiceStaysWhereItIsUntilItIsUnfrozen) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "release day").ok());
  EXPECT_EQ(Record().state, State::kFreeze);
  host_.Push("main", kB);
  const int polls = host_.polls();
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  EXPECT_EQ(host_.polls(), polls) << "nobody follows, so nothing is asked";
  EXPECT_EQ(Record().hash, kA);
  ASSERT_TRUE(Web()->Unfreeze("bob", "").ok());
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, FreezeAnswersWhileAnActivationHangs) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldActivations();
  host_.Push("main", kB);
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(host_.AwaitHeld());
  auto frozen = Web()->Freeze("alice", "");
  ASSERT_TRUE(frozen.ok()) << frozen.status();
  EXPECT_EQ(frozen->hash, kB) << "says what is published in fact";
  host_.Release();
  EXPECT_TRUE(AwaitAt(kB, State::kFreeze));
}

TEST_F(HostAgentTest, RollbackDoesNotWaitForAFetchThatHangs) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.HoldFetches();
  host_.Push("main", kC);
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(host_.AwaitHeldFetch());
  auto rolled = Web()->Rollback("aaaa", "alice", "", {});
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->state, State::kFreeze);
  EXPECT_EQ(host_.Look("web").activated, kA);
  host_.ReleaseFetches();
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  EXPECT_TRUE(AwaitAt(kC)) << "the fetch that was given up is made again";
}

TEST_F(HostAgentTest, StoppingDoesNotWaitForAFetchThatHangs) {
  host_.HoldFetches();
  Start({Spec()});
  ASSERT_TRUE(host_.AwaitHeldFetch());
  agent_.reset();
  host_.ReleaseFetches();
  Restart({Spec()});
  EXPECT_TRUE(AwaitAt(kA));
}

TEST_F(HostAgentTest, RollbackPinsTheOlderRevisionThroughPollsAndRestarts) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  auto rolled = Web()->Rollback("aaaa", "alice", "b is bad", {});
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->state, State::kFreeze);
  EXPECT_EQ(rolled->info, "ROLLBACK: " + kA);
  EXPECT_EQ(host_.Look("web").activated, kA);
  host_.SetUpstreamStatus(absl::OkStatus());
  host_.Push("main", kC);
  host_.Set("web", [](FakeHost::Service& service) { service.published.clear(); });  // a reboot
  Restart({Spec()});
  ASSERT_TRUE(Await([&](const ServiceRecord& r) {
    return host_.Look("web").published == kA && r.pending.empty();
  }));
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(Record().info, "ROLLBACK: " + kA);
  EXPECT_EQ(Record().frozen_by, "alice");
}

TEST_F(HostAgentTest, RollbackToARevisionThatCannotBeFoundChangesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  const ServiceRecord before = Record();
  EXPECT_EQ(Web()->Rollback("dddd", "alice", "", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Record(), before);
}

TEST_F(HostAgentTest, ARollbackWhoseActivationFailsEndsBrokenWithTheOldRevisionServed) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.FailActivate(kA, absl::FailedPreconditionError("unit failed"));
  auto rolled = Web()->Rollback(kA, "alice", "", {});
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->state, State::kBroken);
  EXPECT_EQ(rolled->hash, kB);
  EXPECT_EQ(host_.Look("web").activated, kB);
}

TEST_F(HostAgentTest, AFailedActivationGoesBackToTheLastGoodRevisionAndIsTriedAgain) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailActivate(kB, absl::FailedPreconditionError("unit failed"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kA, State::kBroken));
  EXPECT_EQ(host_.Look("web").published, kA);
  EXPECT_EQ(host_.Look("web").activated, kA);
  EXPECT_THAT(Record().info, HasSubstr("unit failed"));
  host_.FailActivate(kB, absl::OkStatus());
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, WithoutRollbackOnFailureTheNewRevisionStaysAndTheActionIsTriedAgain) {
  ServiceSpec spec = Spec();
  spec.rollback_on_failure = false;
  Start({spec});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailActivate(kB, absl::FailedPreconditionError("unit failed"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB, State::kBroken));
  host_.FailActivate(kB, absl::OkStatus());
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, ARefusedRevisionIsDiffAndTheOldOneStays) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailPrepare(kB, absl::FailedPreconditionError("a symlink leads out"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kA, State::kDiff));
  EXPECT_EQ(Record().info, "a symlink leads out");
  EXPECT_EQ(host_.Look("web").published, kA);
  host_.Push("main", kC);
  EXPECT_TRUE(AwaitAt(kC));
}

TEST_F(HostAgentTest, OneFailedPollMakesDiffAndTheNextGoodOneEndsIt) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.SetUpstreamStatus(absl::UnavailableError("no route"));
  ASSERT_TRUE(AwaitAt(kA, State::kDiff));
  EXPECT_EQ(Record().info, "no route");
  host_.SetUpstreamStatus(absl::OkStatus());
  EXPECT_TRUE(AwaitAt(kA));
}

TEST_F(HostAgentTest, AfterARebootWithTheUpstreamGoneWhatWasPublishedIsPublishedAgain) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  host_.Set("web", [](FakeHost::Service& service) { service.published.clear(); });
  Restart({Spec()});
  ASSERT_TRUE(
      Await([&](const ServiceRecord&) { return host_.Look("web").activations.size() == 2; }));
  EXPECT_THAT(host_.Look("web").activations, ElementsAre(kA, kA));
  EXPECT_EQ(host_.Look("web").published, kA);
}

TEST_F(HostAgentTest, DriftIsReportedAndLeftAlone) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Set("web", [](FakeHost::Service& service) {
    service.drift = {{DriftEntry::Kind::kModified, "/etc/web/conf", "content"}};
  });
  ASSERT_TRUE(AwaitAt(kA, State::kDiff));
  EXPECT_THAT(Record().info, HasSubstr("/etc/web/conf"));
  host_.Set("web", [](FakeHost::Service& service) { service.drift.clear(); });
  EXPECT_TRUE(AwaitAt(kA));
}

TEST_F(HostAgentTest, DriftIsCorrectedWhereThatIsAskedFor) {
  ServiceSpec spec = Spec();
  spec.drift = DriftPolicy::kCorrect;
  Start({spec});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Set("web", [](FakeHost::Service& service) {
    service.drift = {{DriftEntry::Kind::kModified, "/etc/web/conf", "content"}};
  });
  ASSERT_TRUE(Await(
      [&](const ServiceRecord& r) {
        return host_.Look("web").activations.size() == 2 && r.state == State::kOk;
      },
      absl::Seconds(1)));
  EXPECT_THAT(host_.Look("web").drift, IsEmpty());
}

TEST_F(HostAgentTest, AUnitThatFailsByItselfIsBrokenAndActivatedAgain) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Set("web", [](FakeHost::Service& service) {
    service.health = absl::FailedPreconditionError("web.service failed");
  });
  ASSERT_TRUE(AwaitAt(kA, State::kBroken));
  host_.Set("web", [](FakeHost::Service& service) { service.health = absl::OkStatus(); });
  EXPECT_TRUE(AwaitAt(kA));
}

TEST_F(HostAgentTest, ACommandThatCannotBeStoredIsRefusedAndChangesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  const ServiceRecord before = Record();
  store_.FailKeys("agent/", absl::UnavailableError("disk full"));
  EXPECT_EQ(Web()->Freeze("alice", "").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Record(), before);
  host_.Push("main", kB);
  clock_.Advance(absl::Minutes(5));
  ASSERT_TRUE(Await([&](const ServiceRecord& r) { return r.target == kB; }, absl::Seconds(10)));
  EXPECT_EQ(host_.Look("web").published, kA) << "what cannot be stored is not published";
  store_.Heal();
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, PullTakesUpWhatIsThereNowAndRefusesOnAFrozenService) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  auto pulled = agent_->Pull("web", {});
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->hash, kB);
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  auto refused = agent_->Pull("web", {}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("alice"));
}

TEST_F(HostAgentTest, PullDoesNotWaitForBackOff) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailPrepare(kB, absl::UnavailableError("half the files are missing"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kA, State::kDiff));
  host_.FailPrepare(kB, absl::OkStatus());
  auto pulled = agent_->Pull("web", {});
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->hash, kB);
  EXPECT_EQ(pulled->state, State::kOk);
}

TEST_F(HostAgentTest, ServicesOfOneUpstreamShareItsPoll) {
  Start({Spec("web"), Spec("db"), Spec("mail")});
  for (const std::string service : {"web", "db", "mail"}) {
    ASSERT_TRUE(
        Await([](const ServiceRecord& r) { return r.hash == kA; }, absl::ZeroDuration(), service));
  }
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  const int before = host_.polls();
  auto pulled = agent_->Pull("web", {});
  ASSERT_TRUE(pulled.ok());
  EXPECT_EQ(host_.polls(), before + 1);
}

TEST_F(HostAgentTest, ACoordinatedServicePublishesNothingByItself) {
  ServiceSpec spec = Spec();
  spec.tracking = Tracking::kCoordinated;
  Start({spec});
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.target == kA; }));
  auto pulled = agent_->Pull("web", {});
  ASSERT_TRUE(pulled.ok());
  EXPECT_EQ(pulled->hash, "");
  EXPECT_THAT(host_.Look("web").activations, IsEmpty());
}

TEST_F(HostAgentTest, AChangedConfigurationKeepsStateAndAnUnchangedServiceUndisturbed) {
  Start({Spec("web"), Spec("db")});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  auto db = *agent_->Find("db");
  ServiceSpec changed = Spec("web");
  changed.keep_revisions = 9;
  ASSERT_TRUE(agent_->Configure({changed, Spec("db"), Spec("new")}).ok());
  EXPECT_EQ(Web()->spec().keep_revisions, 9);
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(*agent_->Find("db"), db);
  ASSERT_TRUE(agent_->Configure({Spec("db")}).ok());
  EXPECT_THAT(std::string(agent_->Find("web").status().message()), HasSubstr("there are: db"));
  ASSERT_TRUE(agent_->Configure({Spec("web"), Spec("db")}).ok());
  EXPECT_EQ(Record().state, State::kFreeze) << "a service that comes back is as it was left";
}

TEST_F(HostAgentTest, AConfigurationWithoutADriverIsRefusedWhole) {
  Start({Spec("web")});
  ASSERT_TRUE(AwaitAt(kA));
  ServiceSpec nix = Spec("nix");
  nix.nix.emplace();
  EXPECT_EQ(agent_->Configure({nix}).code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(agent_->Find("web").ok());
}

TEST_F(HostAgentTest, HistorySaysWhenFromToWhyAndByWhom) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  ASSERT_TRUE(Web()->Rollback(kA, "alice", "b is bad", {}).ok());
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_GE(changes->size(), 4u);
  const ChangeRecord& newest = (*changes)[0];
  EXPECT_EQ(newest.from_hash, kB);
  EXPECT_EQ(newest.to_hash, kA);
  EXPECT_EQ(newest.to_state, State::kFreeze);
  EXPECT_EQ(newest.actor, "alice");
  EXPECT_EQ((*changes)[1].reason, "rollback: b is bad");
  EXPECT_EQ((*changes)[1].to_state, State::kRollback);
  EXPECT_EQ((*changes)[2].from_hash, kA);
  EXPECT_EQ((*changes)[2].to_hash, kB);
  EXPECT_EQ((*changes)[2].actor, "agent");
}

TEST_F(HostAgentTest, ARollbackWhoseCallerGaveUpBeforeTheRevisionWasFoundChangesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("other", kB);
  const ServiceRecord before = Record();
  auto late = Web()->Rollback(kB, "alice", "", {.deadline = clock_.Now()});
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Record(), before);
}

TEST_F(HostAgentTest, AFailedActivationIsNotForgottenByFreezeAndUnfreeze) {
  ServiceSpec spec = Spec();
  spec.rollback_on_failure = false;
  Start({spec});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailActivate(kB, absl::FailedPreconditionError("unit failed"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB, State::kBroken));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  host_.FailActivate(kB, absl::OkStatus());
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(host_.Look("web").activated, kB);
}

TEST_F(HostAgentTest, WhatWasTakenAwayByHandDoesNotMakeTheJobSpin) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailPrepare(kB, absl::FailedPreconditionError("refused"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kA, State::kDiff));
  host_.Set("web", [](FakeHost::Service& service) { service.published.clear(); });
  host_.Push("main", kA);
  ASSERT_TRUE(AwaitAt(kA));
  clock_.Advance(absl::Minutes(10));  // the back-off of the revision that was refused is over
  // The job comes to wait for a time ahead, which it never does while it spins.
  EXPECT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Milliseconds(5)));
  const int looks = host_.Look("web").looks;
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  EXPECT_LE(host_.Look("web").looks, looks + 1);
}

TEST_F(HostAgentTest, ADamagedRecordFreezesItsServiceAndNoOther) {
  Start({Spec("web"), Spec("db")});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kA && r.state == State::kOk; },
                    absl::Seconds(1), "db"));
  agent_.reset();
  ASSERT_TRUE(store_.Put("agent/v1/service/web", "\xff\xff no protobuf").ok());
  host_.Push("main", kB);
  Restart({Spec("web"), Spec("db")});
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kB && r.state == State::kOk; },
                    absl::Seconds(15), "db"));
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(host_.Look("web").published, kA);
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, EveryCommandIsKeptInTheHistoryEvenIfItChangedNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "release day").ok());
  ASSERT_TRUE(Web()->Freeze("alice", "and the day after").ok());
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ((*changes)[0].reason, "freeze: and the day after");
  EXPECT_EQ((*changes)[0].from_state, State::kFreeze);
  EXPECT_EQ((*changes)[1].reason, "freeze: release day");
}

TEST_F(HostAgentTest, AServiceThatFailsFromTheStartHasAHistoryThatSaysWhy) {
  host_.FailPrepare(kA, absl::FailedPreconditionError("a symlink leads out"));
  Start({Spec()});
  ASSERT_TRUE(AwaitAt("", State::kDiff));
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.info == "a symlink leads out"; }));
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), 1u);
  EXPECT_EQ((*changes)[0].reason, "a symlink leads out");
  EXPECT_EQ((*changes)[0].to_state, State::kDiff);
}

TEST_F(HostAgentTest, ATipThatArrivesDuringAnActivationIsNotTheReasonOfTheMoveUnderWay) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldActivations();
  host_.Push("main", kB);
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(host_.AwaitHeld());
  host_.Push("main", kC);
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.target == kC; }, absl::Seconds(30)));
  host_.Release();
  ASSERT_TRUE(AwaitAt(kC));
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_GE(changes->size(), 3u);
  EXPECT_EQ((*changes)[1].to_hash, kB);
  EXPECT_EQ((*changes)[1].reason, "the upstream moved");
}

TEST_F(HostAgentTest, RollbackToARevisionThatWasEditedOnDiskWritesItAnew) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.Set("web", [](FakeHost::Service& service) { service.edited = {kA, kB}; });
  ASSERT_TRUE(Web()->Rollback(kA, "me", "", Patience()).ok());
  EXPECT_EQ(host_.Look("web").published, kA);
  // Of what was published, the drift policy decides.
  EXPECT_EQ(host_.Look("web").edited, std::set<std::string>{kB});
}

TEST_F(HostAgentTest, AServiceThatIsBegunAnewIsNeverMissing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  std::atomic<bool> done = false;
  auto missing = std::async(std::launch::async, [&] {
    int count = 0;
    while (!done) count += !agent_->Find("web").ok();
    return count;
  });
  for (int keep = 10; keep < 50; ++keep) {
    ServiceSpec spec = Spec();
    spec.keep_revisions = keep;
    EXPECT_EQ(agent_->Configure({spec}), absl::OkStatus());
  }
  done = true;
  EXPECT_EQ(missing.get(), 0);
}

TEST_F(HostAgentTest, ACommandForAServiceThatIsBegunAnewIsRefusedInsteadOfLost) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  auto before = Web();
  ServiceSpec spec = Spec();
  spec.keep_revisions = 2;
  ASSERT_EQ(agent_->Configure({spec}), absl::OkStatus());
  EXPECT_TRUE(absl::IsUnavailable(before->Freeze("me", "").status()));
  EXPECT_TRUE(absl::IsUnavailable(before->Unfreeze("me", "").status()));
  EXPECT_TRUE(absl::IsUnavailable(before->Rollback(kA, "me", "", Patience()).status()));
  EXPECT_TRUE(absl::IsUnavailable(before->TakeUp(Patience()).status()));
  EXPECT_FALSE(Web()->View().record.frozen);
}

TEST_F(HostAgentTest, OldRevisionsAreRemovedExceptThoseInUse) {
  ServiceSpec spec = Spec();
  spec.keep_revisions = 1;
  Start({spec});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  ASSERT_TRUE(Await(
      [&](const ServiceRecord&) { return host_.Look("web").ready == std::set<std::string>{kB}; }));
}

TEST_F(HostAgentTest, AServiceIsNotOkBeforeItsFirstActivationHasEnded) {
  host_.HoldActivations();
  Start({Spec()});
  ASSERT_TRUE(host_.AwaitHeld());
  EXPECT_EQ(Record().state, State::kDiff);
  EXPECT_EQ(Record().hash, "");
  EXPECT_THAT(Record().info, HasSubstr("being activated"));
  host_.Release();
  EXPECT_TRUE(AwaitAt(kA));
}

TEST_F(HostAgentTest, StoppingDuringAnActivationLeavesItForTheNextStart) {
  host_.HoldActivations();
  Start({Spec()});
  ASSERT_TRUE(host_.AwaitHeld());
  agent_.reset();
  host_.Release();
  Restart({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  EXPECT_EQ(host_.Look("web").activated, kA);
}

}  // namespace
}  // namespace gitops
