#include "services/promotion_receiver/record/promotion_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/store/faulty_store.h"
#include "common/store/kept_changes.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using record::v1::Promotion;
using record::v1::PromotionState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace record::v1;  // NOLINT: the names of states

absl::Time At(int seconds) { return absl::FromUnixSeconds(1'767'225'600 + seconds); }

class PromotionStoreTest : public testing::Test {
 protected:
  PromotionStoreTest() { Open(); }

  void Open() {
    promotions_.reset();
    auto opened = PromotionStore::Open(&faulty_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    promotions_ = *std::move(opened);
  }

  Promotion New(const std::string& revision, int at, PromotionState state) {
    Promotion promotion;
    promotion.set_id(promotions_->NewId(At(at)));
    promotion.set_namespace_("shopping");
    promotion.set_pipeline("search");
    promotion.set_source_environment("dev");
    promotion.set_environment("staging");
    promotion.set_revision(revision);
    promotion.set_state(state);
    promotion.set_event_count(1);
    promotion.mutable_event()->set_kind("HelmRelease");
    promotion.mutable_event()->set_reason("info");
    for (auto* time : {promotion.mutable_create_time(), promotion.mutable_last_seen_time(),
                       promotion.mutable_event()->mutable_timestamp()}) {
      *time = ToTimestamp(At(at));
    }
    if (HasEnded(state)) *promotion.mutable_end_time() = ToTimestamp(At(at));
    return promotion;
  }
  Promotion Put(const std::string& revision, int at,
                PromotionState state = PROMOTION_STATE_OBSERVING) {
    Promotion promotion = New(revision, at, state);
    Write({.promotion = promotion, .body = "{}"});
    return promotion;
  }
  void Write(const PromotionWrite& write) {
    const absl::Status written = promotions_->Write({write});
    EXPECT_TRUE(written.ok()) << written;
  }
  Promotion Repeated(Promotion promotion, int at) {
    promotion.set_event_count(promotion.event_count() + 1);
    *promotion.mutable_last_seen_time() = ToTimestamp(At(at));
    *promotion.mutable_latest_event_time() = ToTimestamp(At(at));
    return promotion;
  }

  std::string Newest() {
    const auto newest = promotions_->Newest("shopping", "search", "dev");
    return newest.has_value() ? newest->revision() : "none";
  }
  std::vector<std::string> Listed(const std::string& before = "", size_t most = 1000) {
    std::vector<std::string> revisions;
    EXPECT_TRUE(promotions_
                    ->ForEach(before,
                              [&](const Promotion& promotion) {
                                revisions.push_back(promotion.revision());
                                return revisions.size() < most;
                              })
                    .ok());
    return revisions;
  }

  TempStore store_;
  FaultyStore faulty_{store_.store()};
  std::unique_ptr<PromotionStore> promotions_;
};

TEST_F(PromotionStoreTest, WrittenPromotionIsThereAfterARestart) {
  const Promotion first = Put("1", 1);
  Open();
  const auto read = promotions_->Get(first.id());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->revision(), "1");
  EXPECT_EQ(*promotions_->Body(first.id()), "{}");
  EXPECT_EQ(Newest(), "1");
  EXPECT_EQ(promotions_->Unfinished().size(), 1u);
  EXPECT_EQ(promotions_->OfRevision("shopping", "search", "dev", "1"), first.id());
  EXPECT_TRUE(HasReason(promotions_->Get("none").status(), Reason::kPromotionUnknown));
}

TEST_F(PromotionStoreTest, IdsGrowAlsoWhenTheClockIsSetBackAndAfterARestart) {
  const std::string first = Put("1", 100).id();
  const std::string second = Put("2", 5).id();
  EXPECT_LT(first, second);
  Open();
  EXPECT_LT(second, promotions_->NewId(At(7)));
}

TEST_F(PromotionStoreTest, ListIsNewestFirstAndGoesOnBeforeAnId) {
  std::vector<std::string> ids, expected;
  for (int i = 0; i < 300; ++i) {
    ids.push_back(Put(std::to_string(i), i).id());
    expected.insert(expected.begin(), std::to_string(i));
  }
  EXPECT_EQ(Listed(), expected);
  EXPECT_THAT(Listed(ids[200], 2), ElementsAre("199", "198"));
  EXPECT_THAT(Listed(ids[0]), IsEmpty());
}

TEST_F(PromotionStoreTest, PageOfAListReadsNoMoreThanItNeeds) {
  for (int i = 0; i < 600; ++i) Put(std::to_string(i), i);
  const int before = faulty_.values_read();
  Listed("", 10);
  EXPECT_LE(faulty_.values_read() - before, 128);
}

TEST_F(PromotionStoreTest, NewestIsTheOneWithTheLatestEventAndNeverAnIgnoredOne) {
  EXPECT_EQ(Newest(), "none");
  Put("1", 10);
  Put("2", 5, PROMOTION_STATE_SUPERSEDED);
  Put("3", 99, PROMOTION_STATE_IGNORED);
  EXPECT_EQ(Newest(), "1");
  Put("4", 10);
  EXPECT_EQ(Newest(), "4");
  Open();
  EXPECT_EQ(Newest(), "4");
}

TEST_F(PromotionStoreTest, CurrentIsTheOneThatSucceededLast) {
  EXPECT_FALSE(promotions_->Current("shopping", "search", "staging").has_value());
  Promotion older = Put("1", 1);
  Put("2", 2, PROMOTION_STATE_SUCCEEDED);
  EXPECT_EQ(promotions_->Current("shopping", "search", "staging")->revision(), "2");
  older.set_state(PROMOTION_STATE_SUCCEEDED);
  *older.mutable_end_time() = ToTimestamp(At(9));
  Write({.promotion = older});
  EXPECT_EQ(promotions_->Current("shopping", "search", "staging")->revision(), "1");
  EXPECT_FALSE(promotions_->Current("shopping", "search", "prod").has_value());
}

TEST_F(PromotionStoreTest, UnfinishedOfIsOnlyOfOneSource) {
  Put("1", 1);
  Promotion other = New("2", 2, PROMOTION_STATE_RUNNING);
  other.set_source_environment("staging");
  Write({.promotion = other});
  Put("3", 3, PROMOTION_STATE_FAILED);
  ASSERT_EQ(promotions_->UnfinishedOf("shopping", "search", "dev").size(), 1u);
  EXPECT_EQ(promotions_->UnfinishedOf("shopping", "search", "dev")[0]->revision(), "1");
  EXPECT_EQ(promotions_->Unfinished().size(), 2u);
}

TEST_F(PromotionStoreTest, RepeatsAndOtherChangesDoNotOverwriteEachOther) {
  Promotion engine = Put("1", 1);
  Write({.promotion = Repeated(engine, 30), .repeat = true});
  engine.set_state(PROMOTION_STATE_SOAKING);
  Write({.promotion = engine});  // read before the repeat
  for (int restarts = 0; restarts < 2; ++restarts, Open()) {
    const Promotion read = *promotions_->Get(engine.id());
    EXPECT_EQ(read.state(), PROMOTION_STATE_SOAKING);
    EXPECT_EQ(read.event_count(), 2);
    EXPECT_EQ(FromTimestamp(read.last_seen_time()), At(30));
    EXPECT_EQ(promotions_->Unfinished()[0]->event_count(), 2);
    EXPECT_EQ(promotions_->Newest("shopping", "search", "dev")->event_count(), 2);
  }
}

TEST_F(PromotionStoreTest, FirstEventOfAnObservedPromotionStaysWhateverIsWritten) {
  Promotion observed = New("1", 1, PROMOTION_STATE_OBSERVING);
  observed.clear_event();
  observed.set_event_count(0);
  Write({.promotion = observed});
  Promotion reported = Repeated(observed, 30);
  (*reported.mutable_event()->mutable_metadata())["summary"] = "foobar";
  Write({.promotion = reported, .repeat = true});
  observed.set_state(PROMOTION_STATE_RUNNING);
  Write({.promotion = observed});  // read before the event
  Write({.promotion = Repeated(*promotions_->Get(observed.id()), 40), .repeat = true});
  for (int restarts = 0; restarts < 2; ++restarts, Open()) {
    const Promotion read = *promotions_->Get(observed.id());
    EXPECT_EQ(read.state(), PROMOTION_STATE_RUNNING);
    EXPECT_EQ(read.event().metadata().at("summary"), "foobar");
    EXPECT_EQ(read.event_count(), 2);
  }
}

TEST_F(PromotionStoreTest, WriteOfAnotherStateThanExpectedIsAbortedAsAWhole) {
  Promotion running = Put("1", 1, PROMOTION_STATE_RUNNING);
  running.set_state(PROMOTION_STATE_SUPERSEDED);
  const Promotion other = New("2", 2, PROMOTION_STATE_OBSERVING);
  const absl::Status written = promotions_->Write(
      {{.promotion = other}, {.promotion = running, .from = PROMOTION_STATE_OBSERVING}});
  EXPECT_TRUE(absl::IsAborted(written)) << written;
  EXPECT_EQ(promotions_->Get(running.id())->state(), PROMOTION_STATE_RUNNING);
  EXPECT_TRUE(absl::IsNotFound(promotions_->Get(other.id()).status()));
}

TEST_F(PromotionStoreTest, SupersededIsWhatStillWaitsInWhateverState) {
  const Promotion observing = Put("1", 1, PROMOTION_STATE_OBSERVING);
  const Promotion running = Put("2", 2, PROMOTION_STATE_OBSERVING);
  for (Promotion moved : {observing, running}) {
    moved.set_state(moved.id() == running.id() ? PROMOTION_STATE_RUNNING
                                               : PROMOTION_STATE_WAITING_APPROVAL);
    Write({.promotion = moved});
  }
  std::vector<PromotionWrite> writes;
  for (Promotion stale : {observing, running}) {
    stale.set_state(PROMOTION_STATE_SUPERSEDED);
    writes.push_back({.promotion = stale, .if_waiting = true});
  }
  ASSERT_TRUE(promotions_->Write(writes).ok());
  for (int restarts = 0; restarts < 2; ++restarts, Open()) {
    EXPECT_EQ(promotions_->Get(observing.id())->state(), PROMOTION_STATE_SUPERSEDED);
    EXPECT_EQ(promotions_->Get(running.id())->state(), PROMOTION_STATE_RUNNING) << "it has begun";
    EXPECT_EQ(promotions_->Unfinished().size(), 1u);
  }
}

TEST_F(PromotionStoreTest, EndedPromotionIsOpenedAgainOnlyByReplay) {
  Promotion promotion = Put("1", 1, PROMOTION_STATE_SUPERSEDED);
  promotion.set_state(PROMOTION_STATE_RUNNING);
  EXPECT_TRUE(absl::IsAborted(promotions_->Write({{.promotion = promotion}})));
  promotion.set_replayed(true);
  Write({.promotion = promotion});
  EXPECT_EQ(promotions_->Unfinished().size(), 1u);
}

TEST_F(PromotionStoreTest, FailedWriteChangesNothing) {
  const Promotion first = Put("1", 1);
  faulty_.FailNthWrite(1);
  Promotion superseded = first;
  superseded.set_state(PROMOTION_STATE_SUPERSEDED);
  const Promotion second = New("2", 2, PROMOTION_STATE_OBSERVING);
  EXPECT_TRUE(
      absl::IsUnavailable(promotions_->Write({{.promotion = superseded}, {.promotion = second}})));
  for (int restarts = 0; restarts < 2; ++restarts, Open()) {
    EXPECT_EQ(Newest(), "1");
    EXPECT_EQ(promotions_->Unfinished().size(), 1u);
    EXPECT_EQ(promotions_->OfRevision("shopping", "search", "dev", "2"), std::nullopt);
  }
  EXPECT_TRUE(promotions_->Write({{.promotion = superseded}, {.promotion = second}}).ok());
  EXPECT_EQ(Newest(), "2");
}

TEST_F(PromotionStoreTest, IgnoredEventIsFoundByObjectReasonAndRevision) {
  const Promotion ignored = Put("1", 1, PROMOTION_STATE_IGNORED);
  EXPECT_EQ(promotions_->OfRevision("shopping", "search", "dev", "1"), std::nullopt);
  Promotion event = ignored;
  event.set_id("");
  EXPECT_EQ(promotions_->IgnoredLike(event), ignored.id());
  event.mutable_event()->set_api_version("helm.toolkit.fluxcd.io/v2");
  EXPECT_EQ(promotions_->IgnoredLike(event), std::nullopt);
  event = ignored;
  event.mutable_event()->set_reason("Progressing");
  EXPECT_EQ(promotions_->IgnoredLike(event), std::nullopt);
  event = ignored;
  event.set_revision("2");
  EXPECT_EQ(promotions_->IgnoredLike(event), std::nullopt);
}

TEST_F(PromotionStoreTest, HoldLastsUntilItIsReleased) {
  record::v1::EnvironmentHold hold;
  hold.set_reason("incident");
  ASSERT_TRUE(promotions_->Hold("shopping", "search", "prod", hold).ok());
  Open();
  EXPECT_EQ(promotions_->HoldOf("shopping", "search", "prod")->reason(), "incident");
  EXPECT_FALSE(promotions_->HoldOf("shopping", "search", "dev").has_value());
  EXPECT_EQ((*promotions_->Release("shopping", "search", "prod"))->reason(), "incident");
  EXPECT_FALSE(promotions_->HoldOf("shopping", "search", "prod").has_value());
  EXPECT_FALSE((*promotions_->Release("shopping", "search", "prod")).has_value());
  Open();
  EXPECT_FALSE(promotions_->HoldOf("shopping", "search", "prod").has_value());
}

TEST_F(PromotionStoreTest, SignatureIsUsedOnceAlsoAfterARestart) {
  EXPECT_TRUE(promotions_->UseSignature("ab", At(1), absl::Minutes(10)).ok());
  Open();
  EXPECT_TRUE(absl::IsAlreadyExists(promotions_->UseSignature("ab", At(2), absl::Minutes(10))));
  EXPECT_TRUE(promotions_->UseSignature("cd", At(3), absl::Minutes(10)).ok());
  EXPECT_TRUE(promotions_->UseSignature("ef", At(700), absl::Minutes(10)).ok());
  EXPECT_EQ(store_.store()->List("promotion-receiver/v1/signature/")->size(), 1u)
      << "stale ones are forgotten";
}

TEST_F(PromotionStoreTest, PruneKeepsWhatIsYoungUnfinishedNewestOrCurrent) {
  Put("old", 1, PROMOTION_STATE_FAILED);
  Put("current", 2, PROMOTION_STATE_SUCCEEDED);
  Put("waits", 3);
  Put("newest", 4, PROMOTION_STATE_REJECTED);
  Promotion seen = Put("seen again", 5, PROMOTION_STATE_IGNORED);
  Write({.promotion = Repeated(seen, 2000), .repeat = true});
  Put("ignored", 6, PROMOTION_STATE_IGNORED);
  ASSERT_TRUE(promotions_->Prune(At(1000), At(0)).ok());
  EXPECT_THAT(Listed(), ElementsAre("seen again", "newest", "waits", "current"));
  Open();
  EXPECT_THAT(Listed(), ElementsAre("seen again", "newest", "waits", "current"));
  EXPECT_EQ(promotions_->OfRevision("shopping", "search", "dev", "old"), std::nullopt);
}

TEST_F(PromotionStoreTest, BodiesArePrunedBeforeTheirPromotions) {
  const Promotion old = Put("1", 1);
  const Promotion young = Put("2", 2000);
  ASSERT_TRUE(promotions_->Prune(At(0), At(1000)).ok());
  EXPECT_TRUE(absl::IsNotFound(promotions_->Body(old.id()).status()));
  EXPECT_TRUE(promotions_->Body(young.id()).ok());
  EXPECT_TRUE(promotions_->Get(old.id()).ok());
  const int before = faulty_.calls();
  ASSERT_TRUE(promotions_->Prune(At(0), At(1000)).ok());
  EXPECT_EQ(faulty_.calls(), before) << "there is nothing left to do";
}

TEST_F(PromotionStoreTest, ChangesAreToldInTheOrderOfTheWrites) {
  // As the program opens it.
  TempDirectory directory;
  const auto store =
      OpenSqliteStore({.path = directory.path() + "/promotions.db"}, PromotionStore::Kept());
  ASSERT_TRUE(store.ok()) << store.status();
  promotions_ = *PromotionStore::Open(store->get());
  Mutex mutex;
  std::vector<std::string> told;
  ASSERT_TRUE(promotions_
                  ->OnChange([&](const Promotion& promotion) {
                    MutexLock lock(mutex);
                    told.push_back(promotion.revision());
                  })
                  .ok());
  const Promotion first = Put("1", 1);
  Put("2", 2);
  Write({.promotion = Repeated(first, 3), .repeat = true});
  EXPECT_TRUE(Eventually([&] {
    MutexLock lock(mutex);
    return told.size() == 3;
  }));
  promotions_.reset();
  EXPECT_THAT(told, ElementsAre("1", "2", "1"));
}

TEST_F(PromotionStoreTest, DamagedHoldLastsUntilItIsReleasedOrItsRecordIsRemoved) {
  const std::string key = "promotion-receiver/v1/hold/shopping/search/";
  for (const char* environment : {"staging", "prod"}) {
    ASSERT_TRUE(promotions_->Hold("shopping", "search", environment, {}).ok());
    store_.Damage(key + environment);
  }
  Open();
  EXPECT_EQ(promotions_->HoldOf("shopping", "search", "prod")->actor(), "unknown");
  EXPECT_TRUE(promotions_->Release("shopping", "search", "prod")->has_value());
  EXPECT_FALSE(promotions_->HoldOf("shopping", "search", "prod").has_value());
  EXPECT_TRUE(promotions_->HoldOf("shopping", "search", "staging").has_value());
  EXPECT_TRUE(promotions_->RemoveDamaged(key + "staging").ok());
  EXPECT_FALSE(promotions_->HoldOf("shopping", "search", "staging").has_value());
}

TEST_F(PromotionStoreTest, RemovedDamagedPromotionIsAsIfItHadNeverBeen) {
  const Promotion kept = Put("1", 1);
  const Promotion damaged = Put("2", 2);
  const std::string key = "promotion-receiver/v1/promotion/" + damaged.id();
  EXPECT_TRUE(absl::IsFailedPrecondition(promotions_->RemoveDamaged(key)));
  store_.Damage(key);
  ASSERT_TRUE(promotions_->RemoveDamaged(key).ok());
  EXPECT_TRUE(absl::IsNotFound(promotions_->RemoveDamaged(key)));
  EXPECT_TRUE(absl::IsNotFound(promotions_->Get(damaged.id()).status()));
  EXPECT_TRUE(absl::IsNotFound(promotions_->Body(damaged.id()).status()));
  EXPECT_FALSE(promotions_->OfRevision("shopping", "search", "dev", "2").has_value());
  EXPECT_EQ(Newest(), "1") << "a late event is no news";
  ASSERT_EQ(promotions_->Unfinished().size(), 1u);
  EXPECT_EQ(promotions_->Unfinished()[0]->id(), kept.id());
}

TEST_F(PromotionStoreTest, WhatIsWrittenWithAPromotionIsWrittenOnlyWithIt) {
  Promotion promotion = Put("1", 1);
  const StoreWrite other{.key = "promotion-receiver/v1/request/a", .value = "x"};
  PromotionWrite write{.promotion = promotion, .body = {}, .from = PROMOTION_STATE_RUNNING};
  EXPECT_TRUE(absl::IsAborted(promotions_->Write({write}, {other})));
  EXPECT_TRUE(absl::IsNotFound(store_.store()->Get(other.key).status()));
  write.from = PROMOTION_STATE_OBSERVING;
  EXPECT_TRUE(promotions_->Write({write}, {other}).ok());
  EXPECT_TRUE(store_.store()->Get(other.key).ok());
}

TEST_F(PromotionStoreTest, DamagedPromotionDoesNotHideOthers) {
  const Promotion damaged = Put("1", 1);
  Put("2", 2);
  store_.Damage("promotion-receiver/v1/promotion/" + damaged.id());
  Open();
  EXPECT_THAT(Listed(), ElementsAre("2"));
  EXPECT_EQ(Newest(), "2");
  EXPECT_TRUE(absl::IsDataLoss(promotions_->Get(damaged.id()).status()));
  EXPECT_LT(damaged.id(), promotions_->NewId(At(0)));
}

}  // namespace
}  // namespace gitops
