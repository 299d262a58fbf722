#include "common/store/faulty_store.h"

#include "common/store/temp_store.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

class FaultyStoreTest : public ::testing::Test {
 protected:
  TempStore temp_;
  FaultyStore store_{temp_.store()};
};

TEST_F(FaultyStoreTest, OnlyTheNthCallFailsAndChangesNothing) {
  store_.FailNthCall(2);
  EXPECT_TRUE(store_.Put("a", "1").ok());
  EXPECT_EQ(store_.Put("a", "2").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_.Get("a")->value, "1");
  EXPECT_EQ(store_.calls(), 3);
}

TEST_F(FaultyStoreTest, OnlyTheNthWriteFailsHoweverManyReadsComeBetween) {
  store_.FailNthWrite(2, absl::DataLossError("damaged"));
  EXPECT_TRUE(store_.Put("a", "1").ok());
  EXPECT_TRUE(store_.Get("a").ok());
  EXPECT_EQ(store_.Delete("a").code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(store_.Delete("a").ok());
  EXPECT_EQ(store_.writes(), 3);
}

TEST_F(FaultyStoreTest, KeysFailUntilHealed) {
  store_.FailKeys("bad/");
  EXPECT_FALSE(store_.Put("bad/1", "").ok());
  EXPECT_FALSE(store_.List("bad/").ok());
  EXPECT_TRUE(store_.Put("good/1", "").ok());
  store_.Heal();
  EXPECT_TRUE(store_.Put("bad/1", "").ok());
}

}  // namespace
}  // namespace gitops
