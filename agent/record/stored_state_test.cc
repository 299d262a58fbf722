#include "common/store/stored_state.h"

#include <memory>
#include <string>
#include <vector>

#include "agent/operation/operation_memory.h"
#include "agent/record/record.h"
#include "common/clock/fake_clock.h"
#include "gitops/record/v1/operation.pb.h"
#include "gitops/record/v1/record.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// What the agent of commit 6f24627 stored is read by this one.
namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kFile[] = "integration_tests/stored_state/6f24627/agent.db";

class StoredAgentState : public ::testing::Test {
 protected:
  ServiceRecord RecordOf(const std::string& service) {
    absl::StatusOr<std::optional<ServiceRecord>> record = records_.Load(service);
    EXPECT_TRUE(record.ok() && record->has_value()) << service << ": " << record.status();
    return **record;
  }

  FakeClock clock_{
      absl::FromCivil(absl::CivilSecond(2026, 11, 29, 15, 22, 10), absl::UTCTimeZone())};
  StoredState state_{kFile, &clock_};
  RecordStore records_{state_.store()};
};

TEST_F(StoredAgentState, EveryRecordIsReadWholeAndWrittenAsItWas) {
  const record::v1::ServiceRecord service;
  const record::v1::ChangeRecord change;
  const record::v1::Operation operation;
  EXPECT_EQ(state_.Faults("agent/", {{"agent/v1/service/", &service},
                                     {"agent/v1/change/", &change},
                                     {"agent/v1/operation/", &operation},
                                     {"agent/v1/fencing", nullptr}}),
            "");
}

TEST_F(StoredAgentState, ServicesAreInTheStatesTheyWereIn) {
  EXPECT_EQ(RecordOf("ok").state, State::kOk);
  EXPECT_EQ(RecordOf("frozen").state, State::kFreeze);
  EXPECT_THAT(RecordOf("frozen").frozen_by.text(), HasSubstr("root"));
  EXPECT_EQ(RecordOf("frozen").frozen_by.principal(), std::nullopt);
  EXPECT_EQ(RecordOf("pinned").state, State::kFreeze);
  EXPECT_EQ(RecordOf("pinned").pinned, RecordOf("pinned").hash);
  EXPECT_EQ(RecordOf("broken").state, State::kBroken);
  EXPECT_EQ(RecordOf("diff").state, State::kDiff);
  EXPECT_EQ(RecordOf("app").hash, RecordOf("app").published);
}

TEST_F(StoredAgentState, TheHistoryIsThere) {
  const std::vector<ChangeRecord> changes = *records_.Changes("pinned");
  ASSERT_GE(changes.size(), 4u);
  EXPECT_EQ(changes[0].to_state, State::kFreeze);
  EXPECT_EQ(changes[0].to_hash, RecordOf("pinned").hash);
  EXPECT_GT(changes.front().time, changes.back().time);
  EXPECT_THAT(changes.front().actor.text(), HasSubstr("root"));
  EXPECT_EQ(changes.front().actor.principal(), std::nullopt);
}

TEST_F(StoredAgentState, OperationsAreRememberedAndTheOpenOneIsNotDone) {
  const auto memory = OperationMemory::Load(state_.store(), &clock_);
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_GT((*memory)->fencing(), 0);
  int open = 0;
  int moved = 0;
  const std::vector<StoredValue> stored = *state_.store()->List("agent/v1/operation/");
  for (const StoredValue& value : stored) {
    const auto operation =
        (*memory)->Find(value.key.substr(std::string("agent/v1/operation/").size()));
    ASSERT_TRUE(operation.ok() && operation->has_value()) << operation.status();
    const record::v1::Operation& found = **operation;
    if (!found.ended()) ++open;
    if (found.action() == "sync" && found.response().moves_size() > 0) ++moved;
  }
  EXPECT_EQ(open, 1);
  EXPECT_GE(moved, 3);
}

}  // namespace
}  // namespace gitops
