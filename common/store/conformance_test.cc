#include "common/store/conformance.h"

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/eventually.h"
#include "gmock/gmock.h"

namespace gitops {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void StoreConformanceTest::SetUp() {
  harness_ = GetParam().make_harness();
  store_ = Open();
  ASSERT_NE(store_, nullptr);
}

std::unique_ptr<Store> StoreConformanceTest::Open() {
  absl::StatusOr<std::unique_ptr<Store>> store = harness_->Open();
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

bool StoreConformanceTest::AwaitGone(Store& store, const std::string& key) {
  return Eventually([&] { return absl::IsNotFound(store.Get(key).status()); });
}

StoreWrite PutOf(std::string key, std::string value) {
  StoreWrite write;
  write.key = std::move(key);
  write.value = std::move(value);
  return write;
}

StoreWrite DeleteOf(std::string key) {
  StoreWrite write;
  write.key = std::move(key);
  return write;
}

StoreWrite Expecting(StoreWrite write, int64_t revision) {
  write.expected_revision = revision;
  return write;
}

StoreWrite Under(int64_t lease, StoreWrite write) {
  write.lease = lease;
  return write;
}

std::vector<std::string> KeysOf(const std::vector<StoredValue>& values) {
  std::vector<std::string> keys;
  for (const StoredValue& value : values) keys.push_back(value.key);
  return keys;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformanceTest);

namespace {

TEST_P(StoreConformanceTest, GetReturnsWhatWasPutLast) {
  EXPECT_EQ(store_->Get("a").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(store_->Put("a", "1").ok());
  absl::StatusOr<int64_t> revision = store_->Put("a", "2");
  ASSERT_TRUE(revision.ok());
  absl::StatusOr<StoredValue> value = store_->Get("a");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->key, "a");
  EXPECT_EQ(value->value, "2");
  EXPECT_EQ(value->revision, *revision);
}

TEST_P(StoreConformanceTest, KeysAndValuesAreAnyBytes) {
  const std::string bytes("\0\xff'\"%_\n", 7);
  ASSERT_TRUE(store_->Put(bytes, bytes).ok());
  ASSERT_TRUE(store_->Put("empty", "").ok());
  EXPECT_EQ(store_->Get(bytes)->value, bytes);
  EXPECT_EQ(store_->Get("empty")->value, "");
  EXPECT_THAT(KeysOf(*store_->List(bytes.substr(0, 2))), ElementsAre(bytes));
}

TEST_P(StoreConformanceTest, RevisionsGrowOverTheWholeStoreAndOverReopening) {
  int64_t last = 0;
  for (const char* key : {"b", "a", "c", "a"}) {
    absl::StatusOr<int64_t> revision = store_->Put(key, "");
    ASSERT_TRUE(revision.ok());
    EXPECT_GT(*revision, last);
    last = *revision;
  }
  ASSERT_TRUE(store_->Delete("c").ok());
  store_.reset();
  store_ = Open();
  EXPECT_EQ(store_->Get("a")->revision, last);
  EXPECT_EQ(store_->Get("c").status().code(), absl::StatusCode::kNotFound);
  EXPECT_GT(*store_->Put("d", ""), last + 1) << "the deletion was a revision too";
}

TEST_P(StoreConformanceTest, ListIsOrderedBoundedAndContinues) {
  for (const char* key : {"p/3", "p/1", "p", "p/2", "p0", "q/1"}) {
    ASSERT_TRUE(store_->Put(key, key).ok());
  }
  EXPECT_THAT(KeysOf(*store_->List("p/")), ElementsAre("p/1", "p/2", "p/3"));
  EXPECT_THAT(KeysOf(*store_->List("p/", "", 2)), ElementsAre("p/1", "p/2"));
  EXPECT_THAT(KeysOf(*store_->List("p/", "p/2", 2)), ElementsAre("p/3"));
  EXPECT_THAT(KeysOf(*store_->List("p/", "a")), ElementsAre("p/1", "p/2", "p/3"));
  EXPECT_THAT(KeysOf(*store_->List("p/", "p/3")), IsEmpty());
  EXPECT_THAT(KeysOf(*store_->List("p/", "z")), IsEmpty());
  EXPECT_THAT(KeysOf(*store_->List("")), ElementsAre("p", "p/1", "p/2", "p/3", "p0", "q/1"));
  EXPECT_EQ(store_->List("p/1")->front().value, "p/1");
}

TEST_P(StoreConformanceTest, ExpectedRevisionDecidesWhetherAWriteHappens) {
  const int64_t first = *store_->Put("a", "1", 0);
  absl::Status again = store_->Put("a", "2", 0).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.message(), HasSubstr("a"));
  const int64_t second = *store_->Put("a", "2", first);
  EXPECT_EQ(store_->Delete("a", first).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->Get("a")->value, "2");
  EXPECT_TRUE(store_->Delete("a", second).ok());
  EXPECT_EQ(store_->Put("a", "3", second).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store_->Get("a").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(StoreConformanceTest, DeletingWhatIsNotThereSucceeds) {
  EXPECT_TRUE(store_->Delete("a").ok());
  EXPECT_TRUE(store_->Delete("a", 0).ok());
}

TEST_P(StoreConformanceTest, ABatchHappensWholeOrNotAtAll) {
  ASSERT_TRUE(store_->Put("b", "old").ok());
  absl::Status status =
      store_->Write({PutOf("a", "1"), DeleteOf("b"), Expecting(PutOf("c", "1"), 77)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("c"));
  EXPECT_THAT(KeysOf(*store_->List("")), ElementsAre("b"));

  absl::StatusOr<int64_t> revision =
      store_->Write({PutOf("a", "1"), DeleteOf("b"), Expecting(PutOf("c", "1"), 0)});
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_THAT(KeysOf(*store_->List("")), ElementsAre("a", "c"));
  EXPECT_EQ(store_->Get("a")->revision, *revision);
  EXPECT_EQ(store_->Get("c")->revision, *revision);
}

TEST_P(StoreConformanceTest, RefusesBatchesWithoutMeaning) {
  EXPECT_EQ(store_->Write({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->Put("", "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->Write({PutOf("a", "1"), DeleteOf("a")}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_P(StoreConformanceTest, AnotherStoreOnTheSameDataSeesWrites) {
  std::unique_ptr<Store> other = Open();
  const int64_t revision = *store_->Put("a", "1");
  EXPECT_EQ(other->Get("a")->revision, revision);
  EXPECT_GT(*other->Put("a", "2", revision), revision);
  EXPECT_EQ(store_->Get("a")->value, "2");
}

// Each thread adds to one counter by compare and swap. One lost write, or one failure that hit
// another caller's write, and the sum is wrong.
TEST_P(StoreConformanceTest, ConcurrentWritersLoseNothingAndFailOnlyThemselves) {
  constexpr int kThreads = 8;
  constexpr int kAdditions = 25;
  ASSERT_TRUE(store_->Put("counter", "0").ok());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int done = 0; done < kAdditions;) {
        absl::StatusOr<StoredValue> now = store_->Get("counter");
        absl::StatusOr<int64_t> revision = store_->Write(
            {Expecting(PutOf("counter", absl::StrCat(std::stoi(now->value) + 1)), now->revision),
             PutOf(absl::StrCat("done/", thread, "/", done), "")});
        if (revision.ok()) {
          ++done;
        } else if (!absl::IsFailedPrecondition(revision.status())) {
          ++wrong;
          return;
        }
        if (!store_->Put(absl::StrCat("own/", thread), "").ok()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store_->Get("counter")->value, absl::StrCat(kThreads * kAdditions));
  EXPECT_EQ(store_->List("done/")->size(), size_t{kThreads * kAdditions});
}

}  // namespace
}  // namespace gitops
