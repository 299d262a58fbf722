#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/store/conformance.h"
#include "gmock/gmock.h"

namespace gitops {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::function<void(const StoreEvent&)> EventLog::Callback() {
  return [this](const StoreEvent& event) {
    MutexLock lock(mutex_);
    events_.push_back(event);
    changed_.NotifyAll();
  };
}

std::vector<StoreEvent> EventLog::Await(size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (events_.size() < count && changed_.WaitUntil(mutex_, deadline)) {
  }
  return events_;
}

std::vector<std::string> EventLog::AwaitText(size_t count) {
  std::vector<std::string> texts;
  for (const StoreEvent& event : Await(count)) {
    texts.push_back(absl::StrCat(event.key, event.value ? "=" + *event.value : " deleted", "@",
                                 event.revision));
  }
  return texts;
}

namespace {

TEST_P(StoreConformanceTest, AWatchSeesChangesOfItsPrefixInOrder) {
  EventLog log;
  const int64_t start = *store_->Put("w/1", "old");
  auto watch = store_->Watch("w/", start, log.Callback());
  ASSERT_TRUE(watch.ok()) << watch.status();
  const int64_t put = *store_->Put("w/1", "new");
  ASSERT_TRUE(store_->Put("x/1", "not seen").ok());
  const int64_t batch = *store_->Write({PutOf("w/2", ""), DeleteOf("w/1"), PutOf("v", "")});
  const int64_t last = *store_->Put("w/3", "end");
  std::vector<std::string> seen = log.AwaitText(4);
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre(
                        absl::StrCat("w/1=new@", put), absl::StrCat("w/2=@", batch),
                        absl::StrCat("w/1 deleted@", batch), absl::StrCat("w/3=end@", last)));
  EXPECT_EQ(seen.front(), absl::StrCat("w/1=new@", put));
  EXPECT_EQ(seen.back(), absl::StrCat("w/3=end@", last));
}

TEST_P(StoreConformanceTest, AWatchFromAnOlderRevisionIsToldWhatHappenedSince) {
  const int64_t first = *store_->Put("w/1", "1");
  const int64_t second = *store_->Put("w/1", "2");
  ASSERT_TRUE(store_->Delete("w/1").ok());
  store_.reset();
  store_ = Open();
  EventLog log;
  auto watch = store_->Watch("w/", first, log.Callback());
  ASSERT_TRUE(watch.ok()) << watch.status();
  const int64_t last = *store_->Put("w/2", "3");
  EXPECT_THAT(log.AwaitText(3),
              ElementsAre(absl::StrCat("w/1=2@", second), absl::StrCat("w/1 deleted@", second + 1),
                          absl::StrCat("w/2=3@", last)));
}

TEST_P(StoreConformanceTest, FailedAndEmptyWritesAreNoChanges) {
  EventLog log;
  const int64_t start = *store_->Put("w/0", "");
  auto watch = store_->Watch("w/", start, log.Callback());
  ASSERT_TRUE(watch.ok());
  EXPECT_FALSE(store_->Write({PutOf("w/1", ""), Expecting(PutOf("w/2", ""), 99)}).ok());
  EXPECT_TRUE(store_->Delete("w/none").ok());
  const int64_t last = *store_->Put("w/3", "");
  EXPECT_THAT(log.AwaitText(1), ElementsAre(absl::StrCat("w/3=@", last)));
}

TEST_P(StoreConformanceTest, AWatchSeesWhatAnotherStoreOnTheDataWrites) {
  EventLog log;
  const int64_t start = *store_->Put("w/0", "");
  auto watch = store_->Watch("w/", start, log.Callback());
  ASSERT_TRUE(watch.ok());
  std::unique_ptr<Store> other = Open();
  const int64_t put = *other->Put("w/1", "1");
  const int64_t own = *store_->Put("w/2", "2");
  EXPECT_THAT(log.AwaitText(2),
              ElementsAre(absl::StrCat("w/1=1@", put), absl::StrCat("w/2=2@", own)));
  ASSERT_TRUE(other->Delete("w/1").ok());
  EXPECT_EQ(log.AwaitText(3).size(), 3u) << "without a write of its own";
}

TEST_P(StoreConformanceTest, AWatchThatHasGoneIsNotCalled) {
  EventLog gone_log;
  EventLog log;
  const int64_t start = *store_->Put("w/0", "");
  auto gone = store_->Watch("w/", start, gone_log.Callback());
  ASSERT_TRUE(gone.ok());
  gone->reset();
  auto watch = store_->Watch("w/", start, log.Callback());
  ASSERT_TRUE(watch.ok());
  ASSERT_TRUE(store_->Put("w/1", "").ok());
  EXPECT_EQ(log.Await(1).size(), 1u);
  EXPECT_THAT(gone_log.Await(0), IsEmpty());
}

TEST_P(StoreConformanceTest, ACallbackMayReadAndWrite) {
  EventLog log;
  const int64_t start = *store_->Put("w/0", "");
  auto echoes = store_->Watch("echo/", start, log.Callback());
  ASSERT_TRUE(echoes.ok());
  auto watch = store_->Watch("w/", start, [this](const StoreEvent& event) {
    (void)store_->Put("echo/" + event.key, store_->Get(event.key)->value);
  });
  ASSERT_TRUE(watch.ok());
  ASSERT_TRUE(store_->Put("w/1", "hello").ok());
  std::vector<StoreEvent> seen = log.Await(1);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].value, "hello");
  watch->reset();
}

TEST_P(StoreConformanceTest, AWatchMayOutliveItsStore) {
  EventLog log;
  auto watch = store_->Watch("w/", *store_->Put("w/0", ""), log.Callback());
  ASSERT_TRUE(watch.ok());
  store_.reset();
  watch->reset();
}

TEST_P(StoreConformanceTest, AWatchFromForgottenChangesIsOutOfRange) {
  const int64_t old = *store_->Put("w/0", "");
  ASSERT_TRUE(harness_->ForgetChanges(*store_).ok());
  EventLog log;
  EXPECT_EQ(store_->Watch("w/", old, log.Callback()).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store_->Get("w/0")->revision, old) << "values stay";
  // After what a list returned, it goes on.
  const int64_t now = *store_->Put("w/1", "");
  auto watch = store_->Watch("w/", now, log.Callback());
  ASSERT_TRUE(watch.ok()) << watch.status();
  const int64_t last = *store_->Put("w/2", "");
  EXPECT_THAT(log.AwaitText(1), ElementsAre(absl::StrCat("w/2=@", last)));
}

}  // namespace
}  // namespace gitops
