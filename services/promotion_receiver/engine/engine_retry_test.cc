#include <gmock/gmock.h>

#include "common/rpc/error.h"
#include "services/promotion_receiver/engine/engine_test_base.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using End = PromotionResult::End;

// Strategies that fail, take their time, or are killed.
class EngineRetryTest : public EngineTestBase {
 protected:
  std::string Failed(const absl::Status& error) {
    promoter_.AnswerNth(1, error);
    Start();
    const std::string id = Receive("1.1");
    EXPECT_TRUE(Eventually([&] { return Get(id).attempt_count() == 1; }));
    return id;
  }
};

TEST_F(EngineRetryTest, TransientErrorIsTriedAgainLater) {
  const std::string id = Failed(absl::UnavailableError("the provider is down"));
  const state::Promotion between = Get(id);
  EXPECT_EQ(between.state(), state::PROMOTION_STATE_RUNNING);
  EXPECT_EQ(between.last_error(), "the provider is down");
  EXPECT_THAT(between.message(), HasSubstr("will be tried again: the provider is down"));
  const absl::Duration pause = FromTimestamp(between.next_attempt_time()) - clock_.Now();
  EXPECT_GE(pause, absl::Milliseconds(2500));
  EXPECT_LE(pause, absl::Seconds(5));
  clock_.Advance(absl::Seconds(5));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_EQ(Get(id).attempt_count(), 2);
  EXPECT_FALSE(Get(id).has_next_attempt_time());
}

TEST_F(EngineRetryTest, PausesGrow) {
  for (int n = 2; n <= 5; ++n) promoter_.AnswerNth(n, absl::AbortedError("again"));
  const std::string id = Failed(absl::AbortedError("again"));
  absl::Duration pause;
  for (int n = 1; n < 5; ++n) {
    pause = FromTimestamp(Get(id).next_attempt_time()) - clock_.Now();
    clock_.Advance(pause);
    EXPECT_TRUE(Eventually([&] { return Get(id).attempt_count() == n + 1; }));
  }
  EXPECT_GE(FromTimestamp(Get(id).next_attempt_time()) - clock_.Now(), absl::Seconds(40));
}

TEST_F(EngineRetryTest, ProviderSaysWhenToComeBack) {
  absl::Status error = absl::ResourceExhaustedError("rate limit");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(600);
  SetDetail(retry, error);
  const std::string id = Failed(error);
  EXPECT_EQ(FromTimestamp(Get(id).next_attempt_time()), clock_.Now() + absl::Minutes(10));
}

TEST_F(EngineRetryTest, PauseGoesOnOverARestart) {
  const std::string id = Failed(absl::UnavailableError("down"));
  Restart();
  Settle();
  EXPECT_EQ(promoter_.calls(), 1);
  clock_.Advance(absl::Seconds(5));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineRetryTest, OtherErrorFailsThePromotion) {
  const std::string id = Failed(absl::FailedPreconditionError("the branch tip is not ours"));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_FAILED));
  EXPECT_EQ(Get(id).message(), "the branch tip is not ours");
  EXPECT_TRUE(Get(id).has_end_time());
}

TEST_F(EngineRetryTest, RefusalAtTheProviderIsARejection) {
  promoter_.AnswerNth(1, PromotionResult{.end = End::kRejected, .message = "closed by bob"});
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_REJECTED));
  EXPECT_EQ(Get(id).message(), "closed by bob");
}

TEST_F(EngineRetryTest, EffectInProgressIsAskedAboutUntilItIsDone) {
  const PromotionResult progress{.end = End::kInProgress,
                                 .result = "deployment-1",
                                 .message = "1 of 3 hosts",
                                 .again = absl::Seconds(10)};
  promoter_.AnswerNth(1, progress);
  promoter_.AnswerNth(2, progress);
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return Get(id).result() == "deployment-1"; }));
  EXPECT_EQ(Get(id).message(), "1 of 3 hosts");
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_RUNNING);
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 2; }));
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_RUNNING);
  // Until it has been decided when to ask again, the time stands still.
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(10));
    return Get(id).state() == state::PROMOTION_STATE_SUCCEEDED;
  }));
  EXPECT_EQ(promoter_.calls(), 3);
}

TEST_F(EngineRetryTest, EffectInProgressIsAskedAboutAtOnceAfterARestart) {
  promoter_.AnswerNth(
      1,
      PromotionResult{.end = End::kInProgress, .result = "deployment-1", .again = absl::Hours(1)});
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return Get(id).result() == "deployment-1"; }));
  Restart();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineRetryTest, StoreIsTriedAgain) {
  Start();
  Rules().manual = true;
  Configure();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_WAITING_APPROVAL));
  faulty_->FailKeys("promotion-receiver/");
  Rules().manual = false;
  Configure();
  EXPECT_TRUE(Eventually([&] { return !engine_->Approve(Staging(), "1.1", "a", "", false).ok(); }));
  EXPECT_EQ(promoter_.calls(), 0);
  faulty_->Heal();
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(5));
    return Get(id).state() == state::PROMOTION_STATE_SUCCEEDED;
  }));
}

TEST_F(EngineRetryTest, OutcomeThatCannotBeStoredIsNotDoneTwice) {
  promoter_.Hang();
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 1; }));
  faulty_->FailKeys("promotion-receiver/");
  promoter_.Release();
  EXPECT_TRUE(Eventually([&] { return promoter_.effects().size() == 1; }));
  faulty_->Heal();
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(5));
    return Get(id).state() == state::PROMOTION_STATE_SUCCEEDED;
  }));
  EXPECT_EQ(promoter_.calls(), 1);
}

// Kills the receiver at each write of two promotions, of which the first needs two attempts and the
// second an approval.
TEST_F(EngineRetryTest, KillAtAnyWriteLosesNothingAndDoesNothingTwice) {
  for (int writes = 0; writes < 12; ++writes) {
    SCOPED_TRACE(writes);
    const std::string first_revision = absl::StrCat("first-", writes);
    const std::string second_revision = absl::StrCat("second-", writes);
    promoter_.AnswerNth(1, absl::UnavailableError("not now"));
    Rules("prod").manual = true;
    const std::string first = Receive(first_revision);
    const std::string second = Receive(second_revision, "staging");
    faulty_->DieAfter(writes);
    Start();
    const auto go_on = [&] {
      (void)engine_->Approve(Dev("prod"), second_revision, "alice", "", false);
      clock_.Advance(absl::Seconds(5));
    };
    Eventually(
        [&] {
          go_on();
          return faulty_->dead() || promotions_->Unfinished().empty();
        },
        absl::Seconds(20));
    Restart();
    EXPECT_TRUE(Eventually([&] {
      go_on();
      return promotions_->Unfinished().empty();
    })) << Get(first).ShortDebugString()
        << Get(second).ShortDebugString();
    EXPECT_EQ(Get(first).state(), state::PROMOTION_STATE_SUCCEEDED);
    EXPECT_EQ(Get(second).state(), state::PROMOTION_STATE_SUCCEEDED);
    EXPECT_EQ(Get(second).approval().actor(), "alice");
    const std::vector<std::string> effects = promoter_.effects();
    EXPECT_EQ(std::count(effects.begin(), effects.end(), first_revision), 1);
    EXPECT_EQ(std::count(effects.begin(), effects.end(), second_revision), 1);
    Kill();
    store_.Reopen();
    OpenStore();
  }
  EXPECT_FALSE(promoter_.overlapped());
}

}  // namespace
}  // namespace gitops
