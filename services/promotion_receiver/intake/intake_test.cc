#include "services/promotion_receiver/intake/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "common/clock/timestamp.h"
#include "services/promotion_receiver/intake/intake_test_base.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class IntakeTest : public IntakeTestBase {};

TEST_F(IntakeTest, SignedEventOfASuccessBecomesAPromotionIntoTheNextEnvironment) {
  const auto id = Send({.revision = "1.2.3"});
  ASSERT_TRUE(id.ok()) << id.status();
  Open();  // It is durable.
  const record::v1::Promotion promotion = Promotion(*id);
  EXPECT_EQ(promotion.state(), record::v1::PROMOTION_STATE_OBSERVING);
  EXPECT_EQ(promotion.pipeline(), "search");
  EXPECT_EQ(promotion.source_environment(), "dev");
  EXPECT_EQ(promotion.environment(), "staging");
  EXPECT_EQ(promotion.revision(), "1.2.3");
  EXPECT_EQ(promotion.version(), "1.2.3");
  EXPECT_EQ(promotion.event_count(), 1);
  EXPECT_EQ(promotion.event().metadata().at("summary"), "foobar");
  EXPECT_EQ(promotion.event().address(), "192.0.2.7");
  EXPECT_THAT(*store_->Body(*id), HasSubstr("\"revision\": \"1.2.3\""));
  EXPECT_THAT(looks_, ElementsAre("shopping/search/dev"));
  EXPECT_THAT(results_, ElementsAre("shopping/search new"));
}

TEST_F(IntakeTest, EventsAreCheckedInTheOrderOfTheContract) {
  // Each is also wrong in all that is checked later.
  Event wrong{.key = "", .body = "nonsense"};
  wrong.pipeline = "none";
  EXPECT_EQ(Refusal(wrong), "PIPELINE_UNKNOWN");
  wrong.pipeline = "open";
  EXPECT_EQ(Refusal(wrong), "SIGNING_KEY_MISSING");
  wrong.pipeline = "search";
  wrong.environment = "none";
  EXPECT_EQ(Refusal(wrong), "SIGNATURE_INVALID");
  wrong.key = "hunter2";
  EXPECT_EQ(Refusal(wrong), "EVENT_MALFORMED");

  Event stale{
      .revision = "", .environment = "none", .reason = "x", .name = "x", .age = absl::Hours(2)};
  EXPECT_EQ(Refusal(stale), "EVENT_STALE");
  stale.age = absl::ZeroDuration();
  EXPECT_EQ(Refusal(stale), "EVENT_ENVIRONMENT_UNKNOWN");
  stale.environment = "prod";
  stale.key = "prod-key";
  EXPECT_EQ(Refusal(stale), "OBJECT_MISMATCH");
  stale.name = "search";
  EXPECT_EQ(Refusal(stale), "") << "ignored, though it has no revision and is of the last one";
  stale.reason = "UpgradeSucceeded";
  EXPECT_EQ(Refusal(stale), "EVENT_WITHOUT_REVISION");
  stale.revision = "1";
  EXPECT_EQ(Refusal(stale), "LAST_ENVIRONMENT");
  EXPECT_EQ(Refusal({.pipeline = "empty"}), "NO_TARGETS");
  EXPECT_EQ(Stored(), 1);
  EXPECT_THAT(looks_, IsEmpty());
  EXPECT_EQ(results_.front(), "unknown PIPELINE_UNKNOWN");
}

TEST_F(IntakeTest, AllAlgorithmsAreTakenAndNothingElse) {
  for (const char* algorithm : {"sha224", "sha256", "sha384", "sha512"}) {
    EXPECT_EQ(Refusal({.algorithm = algorithm}), "") << algorithm;
  }
  v1::ReceivedEvent event = Received({});
  const std::string good = event.signature();
  for (const std::string& bad :
       {std::string(), std::string("sha256="), std::string("sha256"), std::string("=") + good,
        "md5=" + good.substr(7), "sha1=" + good.substr(7), good.substr(0, good.size() - 1),
        good + "0", "sha512=" + good.substr(7), good.substr(7)}) {
    event.set_signature(bad);
    EXPECT_EQ(Refusal(event), "SIGNATURE_INVALID") << bad;
  }
  event.set_signature(good);
  event.set_body(event.body() + " ");
  EXPECT_EQ(Refusal(event), "SIGNATURE_INVALID") << "the raw body is signed";
}

TEST_F(IntakeTest, EnvironmentsOwnKeyIsTheOnlyOne) {
  EXPECT_EQ(Refusal({.environment = "prod", .reason = "x", .key = "hunter2"}), "SIGNATURE_INVALID");
  EXPECT_EQ(Refusal({.environment = "prod", .reason = "x", .key = "prod-key"}), "");
  EXPECT_EQ(Refusal({.environment = "prod", .reason = "x", .key = "approver"}),
            "SIGNATURE_INVALID");
  EXPECT_EQ(Refusal({.environment = "dev", .key = "prod-key"}), "SIGNATURE_INVALID");
}

TEST_F(IntakeTest, RotatedKeyIsAcceptedWithTheNewOneForAWhile) {
  EXPECT_EQ(Refusal({.revision = "1", .key = "hunter2"}), "");
  WriteSecret("common", kHmacKey, "hunter3\n");
  EXPECT_EQ(Refusal({.revision = "2", .key = "hunter2"}), "");
  EXPECT_EQ(Refusal({.revision = "3", .key = "hunter3"}), "");
  EXPECT_EQ(Refusal({.revision = "4", .key = "hunter3\n"}), "");
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(Refusal({.revision = "5", .key = "hunter2"}), "SIGNATURE_INVALID");
  EXPECT_EQ(Refusal({.revision = "5", .key = "hunter3"}), "");
}

TEST_F(IntakeTest, UnsignedEventsNeedThePermissionAndAPipelineWithoutAKey) {
  policy_.allow_unsigned = true;
  Open();
  EXPECT_EQ(Refusal({.pipeline = "open", .key = ""}), "");
  EXPECT_EQ(Refusal({.key = ""}), "SIGNATURE_INVALID");
  std::filesystem::create_directories(secrets_directory_ / "shopping/broken/hmac-key");
  auto pipelines = std::make_shared<Pipelines>(*pipelines_);
  pipelines->entries[{"shopping", "open"}].pipeline.environments[0].key_secret = "broken";
  pipelines_ = pipelines;
  EXPECT_EQ(Refusal({.pipeline = "open", .key = ""}), "UNAVAILABLE")
      << "a key that cannot be read is still a key";
}

TEST_F(IntakeTest, RefusalsHoldNoSecretAndNoSignature) {
  v1::ReceivedEvent event = Received({});
  const std::string right = event.signature();
  event.set_signature("sha256=" + std::string(64, '0'));
  const std::string message(Receive(event).status().message());
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(message, Not(HasSubstr(right.substr(7))));
}

TEST_F(IntakeTest, RepeatOnlyRaisesTheCount) {
  const v1::ReceivedEvent event = Received({});
  const std::string id = *Receive(event);
  clock_.Advance(absl::Seconds(14));
  EXPECT_EQ(*Receive(event), id);
  EXPECT_EQ(*Send({.message = "Reconciliation finished in 2.1s"}), id) << "as periodic ones are";
  const record::v1::Promotion promotion = Promotion(id);
  EXPECT_EQ(promotion.event_count(), 3);
  EXPECT_EQ(FromTimestamp(promotion.last_seen_time()), clock_.Now());
  EXPECT_EQ(FromTimestamp(promotion.create_time()), clock_.Now() - absl::Seconds(14));
  EXPECT_EQ(Stored(), 1);
  EXPECT_EQ(looks_.size(), 3u);
  EXPECT_EQ(results_.back(), "shopping/search repeat");
}

TEST_F(IntakeTest, OldAndNewFormOfAGitRevisionAreOnePromotion) {
  const std::string sha = "c8b7cd2f4e5b6ee0b8ba6eb31d1a7a0c0a5a6b3c";
  const std::string id = *Send({.revision = "main/" + sha});
  EXPECT_EQ(*Send({.revision = "main@sha1:" + sha}), id);
  EXPECT_EQ(Promotion(id).revision(), "main/" + sha) << "as it was received";
}

TEST_F(IntakeTest, IgnoredEventsAreOneRecordByReasonAndRevision) {
  const std::string id = *Send({.reason = "Progressing"});
  EXPECT_EQ(*Send({.reason = "Progressing", .message = "another"}), id);
  EXPECT_NE(*Send({.revision = "2", .reason = "Progressing"}), id);
  EXPECT_NE(*Send({.reason = "UpgradeFailed", .severity = "error"}), id);
  EXPECT_EQ(Promotion(id).state(), record::v1::PROMOTION_STATE_IGNORED);
  EXPECT_EQ(Promotion(id).event_count(), 2);
  EXPECT_THAT(Promotion(id).message(), HasSubstr("Progressing"));
  EXPECT_THAT(looks_, IsEmpty());
  EXPECT_NE(*Send({}), id) << "a success is a promotion of its own";
}

TEST_F(IntakeTest, RevisionThatReturnsIsANewPromotion) {
  std::set<std::string> ids;
  for (const char* revision : {"A", "B", "A"}) {
    ids.insert(*Send({.revision = revision}));
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(ids.size(), 3u);
  const record::v1::Promotion newest = *store_->Newest("shopping", "search", "dev");
  EXPECT_EQ(newest.id(), *ids.rbegin());
  EXPECT_EQ(newest.state(), record::v1::PROMOTION_STATE_OBSERVING);
}

TEST_F(IntakeTest, NewerRevisionSupersedesTheOneThatWaitsButNotOneThatRuns) {
  const std::string first = *Send({.revision = "1"});
  const std::string second = *Send({.revision = "2"});
  EXPECT_EQ(Promotion(first).state(), record::v1::PROMOTION_STATE_SUPERSEDED);
  EXPECT_THAT(Promotion(first).message(), HasSubstr("newer revision 2"));
  record::v1::Promotion running = Promotion(second);
  running.set_state(record::v1::PROMOTION_STATE_RUNNING);
  ASSERT_TRUE(store_->Write({{.promotion = running}}).ok());
  const std::string third = *Send({.revision = "3"});
  EXPECT_EQ(Promotion(second).state(), record::v1::PROMOTION_STATE_RUNNING);
  EXPECT_EQ(Promotion(third).state(), record::v1::PROMOTION_STATE_OBSERVING);
}

TEST_F(IntakeTest, OlderEventIsRecordedAsSupersededWhateverItsVersion) {
  const std::string newest = *Send({.revision = "1.0.0"});
  const v1::ReceivedEvent late = Received({.revision = "2.0.0", .age = absl::Seconds(1)});
  const std::string id = *Receive(late);
  EXPECT_EQ(Promotion(id).state(), record::v1::PROMOTION_STATE_SUPERSEDED);
  EXPECT_EQ(Promotion(newest).state(), record::v1::PROMOTION_STATE_OBSERVING);
  EXPECT_EQ(*Receive(late), id) << "sent again";
  EXPECT_EQ(Promotion(id).event_count(), 2);
  EXPECT_EQ(results_.back(), "shopping/search repeat");
}

TEST_F(IntakeTest, LateRepeatOfAnEventKeepsItsPromotion) {
  const v1::ReceivedEvent first = Received({.revision = "1"});
  const std::string id = *Receive(first);
  const std::string second = *Send({.revision = "2"});  // in the same second
  EXPECT_EQ(*Receive(first), id);
  EXPECT_EQ(Promotion(second).state(), record::v1::PROMOTION_STATE_OBSERVING);
  EXPECT_EQ(Stored(), 2);
}

TEST_F(IntakeTest, EnvironmentsAndPipelinesDoNotMix) {
  const std::string dev = *Send({.environment = "dev"});
  const std::string staging = *Send({.revision = "2", .environment = "staging"});
  EXPECT_EQ(Promotion(dev).state(), record::v1::PROMOTION_STATE_OBSERVING);
  EXPECT_EQ(Promotion(staging).environment(), "prod");
}

TEST_F(IntakeTest, EventsOfOneCallAreDecidedInOrderAndStoredTogether) {
  v1::ReceiveEventsRequest request;
  for (const Event& event : std::vector<Event>{{.revision = "1"},
                                               {.revision = "1"},
                                               {.revision = "2"},
                                               {.reason = "Progressing"},
                                               {.reason = "Progressing"},
                                               {.key = "wrong"},
                                               {.revision = "1"},
                                               {.revision = "0", .age = absl::Seconds(9)}}) {
    *request.add_events() = Received(event);
  }
  const int writes = faulty_.writes();
  const v1::ReceiveEventsResponse response = intake_->Receive(request);
  EXPECT_EQ(faulty_.writes(), writes + 1);
  ASSERT_EQ(response.outcomes_size(), 8);
  std::vector<std::string> ids;
  for (const auto& outcome : response.outcomes()) ids.push_back(outcome.promotion());
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[3], ids[4]);
  EXPECT_TRUE(response.outcomes(5).has_error());
  EXPECT_EQ(ids[6], ids[0]) << "a repeat of what came before";
  for (int restarts = 0; restarts < 2; ++restarts, Open()) {
    EXPECT_EQ(Promotion(ids[0]).state(), record::v1::PROMOTION_STATE_SUPERSEDED);
    EXPECT_EQ(Promotion(ids[0]).event_count(), 3);
    EXPECT_EQ(Promotion(ids[2]).state(), record::v1::PROMOTION_STATE_OBSERVING);
    EXPECT_EQ(Promotion(ids[3]).event_count(), 2);
    EXPECT_EQ(Promotion(ids[7]).state(), record::v1::PROMOTION_STATE_SUPERSEDED);
    EXPECT_EQ(Stored(), 4);
  }
}

TEST_F(IntakeTest, EventsThatCannotBeStoredAreRefusedForNowAndChangeNothing) {
  const std::string first = *Send({.revision = "1"});
  v1::ReceiveEventsRequest request;
  *request.add_events() = Received({.revision = "2"});
  *request.add_events() = Received({.key = "wrong"});
  faulty_.FailNthWrite(1);
  const v1::ReceiveEventsResponse failed = intake_->Receive(request);
  EXPECT_TRUE(absl::IsUnavailable(OutcomeOf(failed.outcomes(0)).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(OutcomeOf(failed.outcomes(1)).status()));
  EXPECT_EQ(Promotion(first).state(), record::v1::PROMOTION_STATE_OBSERVING);
  EXPECT_EQ(Stored(), 1);
  EXPECT_EQ(looks_.size(), 1u);
  EXPECT_TRUE(OutcomeOf(intake_->Receive(request).outcomes(0)).ok());
  EXPECT_EQ(Stored(), 2);
}

TEST_F(IntakeTest, PromotionThatBeginsMeanwhileIsNotSuperseded) {
  const std::string first = *Send({.revision = "1"});
  record::v1::Promotion running = Promotion(first);
  running.set_state(record::v1::PROMOTION_STATE_RUNNING);
  for (int i = 0; i < 20; ++i) {
    // Either it runs and stays so, or it was superseded before it began.
    std::thread begin([&] { (void)store_->Write({{.promotion = running}}); });
    (void)Send({.revision = absl::StrCat("next", i)});
    begin.join();
    EXPECT_EQ(store_->Newest("shopping", "search", "dev")->revision(), absl::StrCat("next", i));
  }
  const auto state = Promotion(first).state();
  EXPECT_TRUE(state == record::v1::PROMOTION_STATE_RUNNING ||
              state == record::v1::PROMOTION_STATE_SUPERSEDED);
  EXPECT_EQ(store_->Unfinished().size(), state == record::v1::PROMOTION_STATE_RUNNING ? 2u : 1u);
}

TEST_F(IntakeTest, ManyCallsAtOnceLeaveOneNewestPromotionAndNoneIsLost) {
  constexpr int kThreads = 8, kEvents = 20;
  std::vector<std::thread> threads;
  policy_.max_age = absl::Hours(10);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      IntakeOptions options;
      options.store = store_.get();
      options.secrets = &secrets_;
      options.clock = &clock_;
      options.pipelines = [this] { return pipelines_; };
      Intake intake(options);
      for (int i = 0; i < kEvents; ++i) {
        v1::ReceiveEventsRequest request;
        *request.add_events() = Received({.revision = absl::StrCat(thread, "-", i)});
        EXPECT_FALSE(intake.Receive(request).outcomes(0).has_error());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Stored(), kThreads * kEvents);
  EXPECT_EQ(store_->Unfinished().size(), 1u);
}

}  // namespace
}  // namespace gitops
