// How services follow their upstream, and what is made of failures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "agent/controller/host_agent_test_base.h"

namespace gitops {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

TEST_F(HostAgentTest, ARemarkOnWhatIsPublishedIsShownWhileAllIsWell) {
  host_.SetRemark(kA, "it has a pointer");
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  EXPECT_EQ(Record().info, "it has a pointer");
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(Record().info, "");
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

TEST_F(HostAgentTest, DriftOfAFrozenServiceIsCorrectedOnceItIsUnfrozen) {
  ServiceSpec spec = Spec();
  spec.drift = DriftPolicy::kCorrect;
  Start({spec});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  host_.Set("web", [](FakeHost::Service& service) {
    service.drift = {{DriftEntry::Kind::kModified, "/etc/web/conf", "content"}};
  });
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return !r.drift.empty(); }, absl::Seconds(1)));
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(host_.Look("web").activations.size(), 1);
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  EXPECT_TRUE(Await(
      [&](const ServiceRecord& r) {
        return host_.Look("web").activations.size() == 2 && r.state == State::kOk;
      },
      absl::Seconds(1)));
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
  EXPECT_EQ((*changes)[1].reason, "new commit upstream");
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

}  // namespace
}  // namespace gitops
