#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/store/conformance.h"
#include "gmock/gmock.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

// Seconds, because an engine may count in seconds.
constexpr absl::Duration kTtl = absl::Seconds(3);
constexpr absl::Duration kPart = absl::Seconds(2);

TEST_P(StoreConformanceTest, WhatWasWrittenUnderALeaseGoesWithIt) {
  const int64_t lease = *store_->GrantLease(kTtl);
  EXPECT_NE(lease, 0);
  const int64_t start = *store_->Write(
      {Under(lease, PutOf("l/1", "")), Under(lease, PutOf("l/2", "")), PutOf("l/3", "")});
  EventLog log;
  auto watch = store_->Watch("l/", start, log.Callback());
  ASSERT_TRUE(watch.ok());
  EXPECT_TRUE(store_->Get("l/1").ok());
  harness_->PassTime(kTtl + absl::Seconds(1));
  EXPECT_EQ(log.Await(2).size(), 2u);
  for (const StoreEvent& event : log.Await(2)) EXPECT_FALSE(event.value.has_value());
  EXPECT_THAT(KeysOf(*store_->List("l/")), ElementsAre("l/3"));
}

TEST_P(StoreConformanceTest, ALeaseThatIsKeptAliveStays) {
  const int64_t lease = *store_->GrantLease(kTtl);
  ASSERT_TRUE(store_->Write({Under(lease, PutOf("l", ""))}).ok());
  for (int i = 0; i < 2; ++i) {
    harness_->PassTime(kPart);
    ASSERT_TRUE(store_->KeepLeaseAlive(lease).ok());
  }
  EXPECT_TRUE(store_->Get("l").ok());
  harness_->PassTime(kTtl + absl::Seconds(1));
  EXPECT_TRUE(AwaitGone(*store_, "l"));
}

TEST_P(StoreConformanceTest, AnEndedLeaseIsOfNoUse) {
  const int64_t lease = *store_->GrantLease(kTtl);
  ASSERT_TRUE(store_->Write({Under(lease, PutOf("l", ""))}).ok());
  ASSERT_TRUE(store_->RevokeLease(lease).ok());
  EXPECT_EQ(store_->Get("l").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->RevokeLease(lease).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->KeepLeaseAlive(lease).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store_->Write({PutOf("a", ""), Under(lease, PutOf("l", ""))}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store_->List("")->empty());
}

TEST_P(StoreConformanceTest, AnEndedLeaseFailsTheBatchThatAlsoHasOneThatIsAlive) {
  const int64_t alive = *store_->GrantLease(kTtl);
  const int64_t ended = *store_->GrantLease(kTtl);
  ASSERT_TRUE(store_->RevokeLease(ended).ok());
  const auto written =
      store_->Write({Under(alive, PutOf("l/1", "")), Under(alive, PutOf("l/2", "")),
                     Under(ended, PutOf("l/3", "")), Under(alive, PutOf("l/4", ""))});
  EXPECT_EQ(written.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store_->List("l/")->empty());
}

TEST_P(StoreConformanceTest, LeaseIdsGrowAlsoAfterTheyEnd) {
  const int64_t first = *store_->GrantLease(kTtl);
  ASSERT_TRUE(store_->RevokeLease(first).ok());
  store_.reset();
  store_ = Open();
  EXPECT_GT(*store_->GrantLease(kTtl), first);
}

TEST_P(StoreConformanceTest, AKeyWrittenAnewWithoutTheLeaseStays) {
  const int64_t lease = *store_->GrantLease(kTtl);
  ASSERT_TRUE(store_->Write({Under(lease, PutOf("l/1", "")), Under(lease, PutOf("l/2", ""))}).ok());
  ASSERT_TRUE(store_->Put("l/1", "mine").ok());
  ASSERT_TRUE(store_->RevokeLease(lease).ok());
  EXPECT_THAT(KeysOf(*store_->List("l/")), ElementsAre("l/1"));
}

TEST_P(StoreConformanceTest, ALeaseEndsAlsoWhenItsStoreIsGone) {
  const int64_t lease = *store_->GrantLease(kTtl);
  ASSERT_TRUE(store_->Write({Under(lease, PutOf("l", ""))}).ok());
  store_.reset();
  store_ = Open();
  EXPECT_TRUE(store_->Get("l").ok()) << "closing does not end it";
  harness_->PassTime(kTtl + absl::Seconds(1));
  EXPECT_TRUE(AwaitGone(*store_, "l"));
}

TEST_P(StoreConformanceTest, ALeaseOfAnotherStoreThatIsGoneEndsToo) {
  std::unique_ptr<Store> other = Open();
  const int64_t lease = *other->GrantLease(kTtl);
  ASSERT_TRUE(other->Write({Under(lease, PutOf("l", ""))}).ok());
  other.reset();
  EXPECT_TRUE(store_->Get("l").ok());
  harness_->PassTime(kTtl + absl::Seconds(1));
  EXPECT_TRUE(AwaitGone(*store_, "l"));
}

}  // namespace
}  // namespace gitops
