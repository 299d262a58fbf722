#include "agent/operation/operation_memory.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/convert_testing.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {
namespace {

using testing::HasSubstr;

class OperationMemoryTest : public testing::Test {
 protected:
  OperationMemoryTest() { Reload(); }

  void Reload() {
    auto memory = OperationMemory::Load(&store_, &clock_);
    ASSERT_TRUE(memory.ok()) << memory.status();
    memory_ = *std::move(memory);
  }

  record::v1::Operation Begun(const std::string& action = "sync") {
    record::v1::Operation operation;
    operation.set_action(action);
    *operation.mutable_begin_time() =
        google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock_.Now()));
    return operation;
  }

  bool Knows(const std::string& id) {
    auto found = memory_->Find(id);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && found->has_value();
  }

  FakeClock clock_;
  TempStore temp_;
  FaultyStore store_{temp_.store()};
  std::unique_ptr<OperationMemory> memory_;
};

TEST_F(OperationMemoryTest, WhatWasSavedIsThereAfterARestart) {
  EXPECT_FALSE(Knows("d1/web1/1"));
  ASSERT_TRUE(memory_->Save("d1/web1/1", Begun("reboot")).ok());
  Reload();
  auto found = memory_->Find("d1/web1/1");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->action(), "reboot");
  EXPECT_FALSE(Knows("d1/web1/2"));
}

TEST_F(OperationMemoryTest, ALowerFencingNumberIsRefusedAlsoAfterARestart) {
  ASSERT_TRUE(memory_->Admit(7).ok());
  ASSERT_TRUE(memory_->Admit(7).ok());
  const absl::Status refused = memory_->Admit(6);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("seen 7"));
  Reload();
  EXPECT_EQ(memory_->fencing(), 7) << "before anything was begun under it";
  EXPECT_FALSE(memory_->Admit(6).ok());
  EXPECT_TRUE(memory_->Admit(8).ok());
}

TEST_F(OperationMemoryTest, ANumberFarAheadOfTheClockIsRefusedAndHindersNoOther) {
  const int64_t tomorrow = absl::ToUnixMicros(clock_.Now() + kMaxAhead);
  for (const int64_t far : {tomorrow + 1, std::numeric_limits<int64_t>::max()}) {
    const absl::Status refused = memory_->Admit(far);
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("clock"));
  }
  EXPECT_EQ(memory_->fencing(), 0);
  EXPECT_TRUE(memory_->Admit(7).ok());
  EXPECT_TRUE(memory_->Admit(tomorrow).ok());
  EXPECT_TRUE(memory_->Admit(tomorrow + kMaxAbove).ok()) << "counted on from what was seen";
  EXPECT_FALSE(memory_->Admit(tomorrow + 2 * kMaxAbove + 1).ok());
  EXPECT_EQ(memory_->fencing(), tomorrow + kMaxAbove);
}

TEST_F(OperationMemoryTest, ANumberThatCannotBeStoredIsNotTaken) {
  store_.FailNthWrite(1);
  EXPECT_EQ(memory_->Admit(7).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(memory_->fencing(), 0);
  EXPECT_TRUE(memory_->Admit(5).ok());
}

TEST_F(OperationMemoryTest, TheOldestBeyondAThousandIsForgotten) {
  for (int i = 0; i <= kMaxKeptOperations; ++i) {
    // Names in another order than times.
    ASSERT_TRUE(memory_->Save(absl::StrCat("d/", kMaxKeptOperations - i), Begun()).ok());
    clock_.Advance(absl::Seconds(1));
  }
  for (int reload = 0; reload < 2; ++reload, Reload()) {
    EXPECT_FALSE(Knows(absl::StrCat("d/", kMaxKeptOperations)));
    EXPECT_TRUE(Knows(absl::StrCat("d/", kMaxKeptOperations - 1)));
    EXPECT_TRUE(Knows("d/0"));
  }
}

TEST_F(OperationMemoryTest, WhatIsOlderThanAWeekIsForgotten) {
  ASSERT_TRUE(memory_->Save("old", Begun()).ok());
  clock_.Advance(kKeptFor + absl::Seconds(1));
  EXPECT_TRUE(Knows("old"));
  ASSERT_TRUE(memory_->Save("new", Begun()).ok());
  EXPECT_FALSE(Knows("old"));
  EXPECT_TRUE(Knows("new"));
}

TEST_F(OperationMemoryTest, WhatCannotBeStoredIsNotRemembered) {
  store_.FailNthWrite(1);
  EXPECT_EQ(memory_->Save("d1/web1/1", Begun()).code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Knows("d1/web1/1"));
}

TEST_F(OperationMemoryTest, DamagedEntriesAreToldAsSuchAndHinderNoOther) {
  ASSERT_TRUE(memory_->Save("good", Begun()).ok());
  ASSERT_TRUE(store_.Put("agent/v1/operation/bad", "\xff\xff").ok());
  Reload();
  EXPECT_EQ(memory_->Find("bad").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(Knows("good"));
  ASSERT_TRUE(store_.Put("agent/v1/fencing", "many").ok());
  EXPECT_EQ(OperationMemory::Load(&store_, &clock_).status().code(), absl::StatusCode::kDataLoss);
}

TEST(OperationRecord, EveryFieldOfAnAnswerIsStoredAndComesBack) {
  v1::PerformActionResponse answer;
  record::v1::ActionResponse stored;
  EXPECT_EQ(
      ConversionFaults(answer, stored, {"gitops.v1.PerformActionResponse.repeated_operation"}), "");
}

}  // namespace
}  // namespace gitops
