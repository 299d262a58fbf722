#include <gmock/gmock.h>

#include "common/rpc/actor.h"
#include "common/rpc/error.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/engine/engine_test_base.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What people do: approve, reject, replay, hold.
class EngineControlTest : public EngineTestBase {
 protected:
  std::string Waiting(const std::string& revision) {
    const std::string id = Receive(revision);
    EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_WAITING_APPROVAL));
    return id;
  }
  absl::Status Approve(const std::string& revision, bool force = false,
                       const std::string& reason = "") {
    return engine_->Approve(Staging(), revision, "alice", reason, force).status();
  }
};

TEST_F(EngineControlTest, ApprovalBeginsThePromotion) {
  Rules().manual = true;
  Start();
  const std::string id = Waiting("1.1");
  const auto approved = engine_->Approve(Staging(), "1.1", "alice", "looks good", false);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->approval().actor(), "alice");
  EXPECT_EQ(approved->approval().reason(), "looks good");
  EXPECT_EQ(FromTimestamp(approved->approval().time()), clock_.Now());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineControlTest, OnlyTheWaitingRevisionCanBeApproved) {
  Rules().manual = true;
  Start();
  const std::string id = Waiting("1.1");
  const absl::Status other = Approve("1.0");
  EXPECT_TRUE(HasReason(other, Reason::kNothingWaits)) << other;
  EXPECT_THAT(std::string(other.message()), HasSubstr("1.1 waits for staging instead"));
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_WAITING_APPROVAL);
  EXPECT_TRUE(Approve("1.1").ok());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  const absl::Status nothing = Approve("1.1");
  EXPECT_TRUE(HasReason(nothing, Reason::kNothingWaits)) << nothing;
}

TEST_F(EngineControlTest, ReplacedRevisionCanNoLongerBeApproved) {
  Rules().manual = true;
  Start();
  Waiting("1.1");
  clock_.Advance(absl::Seconds(1));
  Waiting("1.2");
  EXPECT_TRUE(HasReason(Approve("1.1"), Reason::kNothingWaits));
  EXPECT_THAT(promoter_.effects(), IsEmpty());
}

TEST_F(EngineControlTest, ApprovalOutlivesRestartsAndNewConfiguration) {
  Rules().manual = true;
  Window window;  // 01:00 to 02:00 UTC; it is midnight
  window.from = absl::Hours(1);
  window.to = absl::Hours(2);
  Rules().windows = {window};
  Start();
  const std::string id = Waiting("1.1");
  EXPECT_TRUE(Approve("1.1").ok());
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_WAITING_WINDOW);
  Configure();
  Restart();
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_EQ(Get(id).approval().actor(), "alice");
}

TEST_F(EngineControlTest, WaitingForApprovalOutlivesARestart) {
  Rules().manual = true;
  Start();
  const std::string id = Waiting("1.1");
  Restart();
  Settle();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_WAITING_APPROVAL);
  EXPECT_TRUE(Approve("1.1").ok());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineControlTest, SoakHoldsForApprovalUnlessForcedWithAReason) {
  Rules().manual = true;
  Rules().soak = absl::Hours(1);
  Runs("1.1");
  const std::string id = Receive("1.1");
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SOAKING));
  const absl::Status early = Approve("1.1");
  EXPECT_TRUE(HasReason(early, Reason::kSoakNotOver)) << early;
  EXPECT_EQ(Approve("1.1", /*force=*/true).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_SOAKING);
  EXPECT_TRUE(Approve("1.1", /*force=*/true, "hotfix").ok());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_TRUE(Get(id).approval().force());
}

TEST_F(EngineControlTest, WhatIsNotHealthyYetCannotBeApproved) {
  Rules().manual = true;
  Runs("1.0", "staging");
  Runs("1.0");
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(HasReason(Approve("1.1", /*force=*/true, "now"), Reason::kNothingWaits));
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_OBSERVING);
}

TEST_F(EngineControlTest, UnknownPipelineAndEnvironmentAreNamed) {
  Start();
  const auto pipeline = engine_->Approve({"shopping", "cart", "prod"}, "1.1", "alice", "", false);
  EXPECT_TRUE(HasReason(pipeline.status(), Reason::kPipelineUnknown)) << pipeline.status();
  const auto environment = engine_->Approve(Dev("qa"), "1.1", "alice", "", false);
  EXPECT_TRUE(HasReason(environment.status(), Reason::kEnvironmentUnknown));
  const auto first = engine_->Approve(Dev("dev"), "1.1", "alice", "", false);
  EXPECT_TRUE(HasReason(first.status(), Reason::kNothingWaits)) << first.status();
}

TEST_F(EngineControlTest, RejectionEndsThePromotion) {
  Rules().manual = true;
  Runs("1.0", "staging");
  Runs("1.0", "prod");
  Runs("1.1");
  const std::string id = Receive("1.1");
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_WAITING_APPROVAL));
  const auto rejected = engine_->Reject(Staging(), "1.1", "alice", "too slow");
  ASSERT_TRUE(rejected.ok()) << rejected.status();
  EXPECT_EQ(rejected->state(), state::PROMOTION_STATE_REJECTED);
  EXPECT_EQ(rejected->actor(), "alice");
  EXPECT_EQ(rejected->message(), "rejected by alice: too slow");
  EXPECT_TRUE(rejected->has_end_time());
  Settle();
  EXPECT_THAT(promotions_->Unfinished(), IsEmpty()) << "it was not created again";
}

TEST_F(EngineControlTest, WhatHasBegunCannotBeRejected) {
  promoter_.Hang();
  Start();
  Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 1; }));
  const auto rejected = engine_->Reject(Staging(), "1.1", "alice", "");
  EXPECT_TRUE(HasReason(rejected.status(), Reason::kNothingWaits)) << rejected.status();
  promoter_.Release();
}

TEST_F(EngineControlTest, PromotionOfAPipelineThatIsGoneCanBeRejected) {
  Rules().manual = true;
  Start();
  const std::string id = Waiting("1.1");
  engine_->SetPipelines({});
  EXPECT_TRUE(engine_->Reject(Staging(), "1.1", "alice", "").ok());
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_REJECTED);
}

TEST_F(EngineControlTest, WhatHasBegunAndCannotGoOnCanBeRejected) {
  promoter_.AnswerNth(1, absl::UnavailableError("the provider is down"));
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return Get(id).attempt_count() == 1; }));
  EXPECT_FALSE(engine_->Reject(Staging(), "1.1", "alice", "").ok()) << "it is tried again";
  engine_->SetPipelines({});
  const auto rejected = engine_->Reject(Staging(), "1.1", "alice", "");
  ASSERT_TRUE(rejected.ok()) << rejected.status();
  EXPECT_EQ(rejected->state(), state::PROMOTION_STATE_REJECTED);
  EXPECT_THAT(promotions_->Unfinished(), IsEmpty());
}

TEST_F(EngineControlTest, CallersAreStoredAsPrincipals) {
  const Principal alice = MakePrincipal("alice", "", "ipv4:192.0.2.7:4711");
  Rules().manual = true;
  Start();
  Waiting("1.1");
  const auto approved = engine_->Approve(Staging(), "1.1", alice, "", false);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(ReadActor(approved->approval()), Actor(alice));
  Waiting("1.2");
  const auto rejected = engine_->Reject(Staging(), "1.2", alice, "");
  ASSERT_TRUE(rejected.ok()) << rejected.status();
  EXPECT_EQ(ReadActor(*rejected), Actor(alice));
  EXPECT_EQ(rejected->message(), "rejected by " + PrincipalText(alice));
  const Principal bob = MakePrincipal("bob", "", "unix:");
  const auto replayed = engine_->Replay(Staging(), "1.2", bob, "", nullptr);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(ReadActor(*replayed), Actor(bob));
}

TEST_F(EngineControlTest, ReplayAndItsRequestIdAreStoredTogether) {
  promoter_.AnswerNth(1, absl::InvalidArgumentError("the branch is protected"));
  promoter_.AnswerNth(2, absl::InvalidArgumentError("it still is"));
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_FAILED));
  Settle();
  v1::ReplayPromotionRequest request;
  request.set_request_id("r");
  {
    RequestIds ids(store_.store(), "promotion-receiver/v1/request/", &clock_);
    const auto claim = ids.Enter("alice", request, nullptr);
    ASSERT_TRUE(claim.ok()) << claim.status();
    faulty_->DieAfter(1);
    ASSERT_TRUE(engine_->Replay(Staging(), "1.1", "alice", "", claim->get()).ok());
  }
  Restart();
  RequestIds ids(store_.store(), "promotion-receiver/v1/request/", &clock_);
  const auto repeat = ids.Enter("alice", request, nullptr);
  ASSERT_TRUE(repeat.ok()) << repeat.status();
  EXPECT_EQ((*repeat)->made(), id);
}

TEST_F(EngineControlTest, ReplayKeepsTheApprovalOnlyOfAnAttemptThatFailed) {
  Rules().manual = true;
  promoter_.AnswerNth(1, absl::InvalidArgumentError("the branch is protected"));
  Start();
  const std::string id = Waiting("1.1");
  EXPECT_TRUE(Approve("1.1").ok());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_FAILED));
  ASSERT_TRUE(engine_->Replay(Staging(), "1.1", "bob", "", nullptr).ok());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  // Approved, and replaced before it began.
  state::EnvironmentHold hold;
  ASSERT_TRUE(promotions_->Hold("shopping", "search", "staging", hold).ok());
  clock_.Advance(absl::Seconds(1));
  const std::string old = Waiting("1.2");
  EXPECT_TRUE(Approve("1.2").ok());
  clock_.Advance(absl::Seconds(1));
  Waiting("1.3");
  EXPECT_TRUE(Becomes(old, state::PROMOTION_STATE_SUPERSEDED));
  ASSERT_TRUE(promotions_->Release("shopping", "search", "staging").ok());
  clock_.Advance(absl::Seconds(1));
  const auto replayed = engine_->Replay(Staging(), "1.2", "bob", "", nullptr);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->state(), state::PROMOTION_STATE_WAITING_APPROVAL);
  EXPECT_FALSE(replayed->has_approval());
}

TEST_F(EngineControlTest, HeldEnvironmentWaitsUntilItIsReleased) {
  Start();
  state::EnvironmentHold hold;
  hold.set_actor("bob");
  hold.set_reason("incident 7");
  ASSERT_TRUE(promotions_->Hold("shopping", "search", "staging", hold).ok());
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_HELD));
  EXPECT_EQ(Get(id).message(), "staging is held by bob: incident 7");
  Restart();
  Settle();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_HELD);
  ASSERT_TRUE(promotions_->Release("shopping", "search", "staging").ok());
  engine_->Look(Dev());
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineControlTest, ReplayDoesAFailedPromotionAnew) {
  promoter_.AnswerNth(1, absl::InvalidArgumentError("the branch is protected"));
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_FAILED));
  const std::string key = Get(id).effect_key();
  const auto replayed = engine_->Replay(Staging(), "1.1", "alice", "unprotected", nullptr);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->id(), id);
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_EQ(Get(id).actor(), "alice");
  EXPECT_EQ(Get(id).attempt_count(), 1);
  EXPECT_EQ(Get(id).last_error(), "");
  EXPECT_NE(Get(id).effect_key(), key) << "its effect is a new one";
}

TEST_F(EngineControlTest, ReplayGoesBackToAnOlderRevision) {
  Rules().manual = true;
  Start();
  const std::string old = Waiting("1.1");
  clock_.Advance(absl::Seconds(1));
  const std::string newer = Waiting("1.2");
  EXPECT_TRUE(Approve("1.2").ok());
  EXPECT_TRUE(Becomes(newer, state::PROMOTION_STATE_SUCCEEDED));
  clock_.Advance(absl::Seconds(1));
  const auto replayed = engine_->Replay(Staging(), "1.1", "alice", "1.2 is slow", nullptr);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->state(), state::PROMOTION_STATE_WAITING_APPROVAL)
      << "a replay is approved as any other";
  EXPECT_TRUE(Approve("1.1").ok());
  EXPECT_TRUE(Becomes(old, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_THAT(promoter_.effects(), ElementsAre("1.2", "1.1"));
}

TEST_F(EngineControlTest, LaterEventReplacesAReplayThatWaits) {
  promoter_.AnswerNth(1, absl::InvalidArgumentError("no"));
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_FAILED));
  Rules().manual = true;
  Configure();
  ASSERT_TRUE(engine_->Replay(Staging(), "1.1", "alice", "", nullptr).ok());
  clock_.Advance(absl::Seconds(1));
  Waiting("1.2");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUPERSEDED));
}

TEST_F(EngineControlTest, IgnoredEventCanBeReplayed) {
  Start();
  state::Promotion ignored;
  ignored.set_id(promotions_->NewId(clock_.Now()));
  ignored.set_namespace_("shopping");
  ignored.set_pipeline("search");
  ignored.set_source_environment("dev");
  ignored.set_environment("staging");
  ignored.set_revision("1.1");
  ignored.set_state(state::PROMOTION_STATE_IGNORED);
  *ignored.mutable_create_time() = ToTimestamp(clock_.Now());
  PromotionWrite write;
  write.promotion = ignored;
  ASSERT_TRUE(promotions_->Write({write}).ok());
  ASSERT_TRUE(engine_->Replay(Staging(), "1.1", "alice", "", nullptr).ok());
  EXPECT_TRUE(Becomes(ignored.id(), state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_EQ(Get(ignored.id()).version(), "1.1");
}

TEST_F(EngineControlTest, WhatSucceededOrIsInProgressIsNotReplayed) {
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  const auto again = engine_->Replay(Staging(), "1.1", "alice", "", nullptr);
  EXPECT_TRUE(HasReason(again.status(), Reason::kPromotionNotEnded)) << again.status();
  const auto unknown = engine_->Replay(Staging(), "0.9", "alice", "", nullptr);
  EXPECT_TRUE(HasReason(unknown.status(), Reason::kPromotionUnknown)) << unknown.status();
}

}  // namespace
}  // namespace gitops
