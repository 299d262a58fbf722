#include "agent/state/state.h"

#include <set>

#include "gtest/gtest.h"

namespace gitops {
namespace {

constexpr State kOk = State::kOk;
constexpr State kFreeze = State::kFreeze;
constexpr State kRollback = State::kRollback;
constexpr State kBroken = State::kBroken;
constexpr State kDiff = State::kDiff;
constexpr State kAll[] = {kOk, kFreeze, kRollback, kBroken, kDiff};

TEST(StateTest, OnlyTheStatesOfTheTableMayFollow) {
  struct {
    State from;
    std::set<State> to;
  } const kTable[] = {
      {kOk, {kFreeze, kRollback, kBroken, kDiff}},
      // Frozen means that nothing is tried, so nothing can fail.
      {kFreeze, {kOk, kRollback}},
      // To OK when it is unfrozen while it moves.
      {kRollback, {kFreeze, kBroken, kDiff, kOk}},
      {kBroken, {kOk, kFreeze, kRollback, kDiff}},
      {kDiff, {kOk, kFreeze, kRollback, kBroken}},
  };
  for (const auto& row : kTable) {
    for (State to : kAll) {
      EXPECT_EQ(MayFollow(row.from, to), row.to.count(to) == 1)
          << StateName(row.from) << " to " << StateName(to);
    }
  }
}

TEST(StateTest, NamesAreThoseOfTheTable) {
  EXPECT_EQ(StateName(kOk), "OK");
  EXPECT_EQ(StateName(kFreeze), "FREEZE");
  EXPECT_EQ(StateName(kRollback), "ROLLBACK");
  EXPECT_EQ(StateName(kBroken), "BROKEN");
  EXPECT_EQ(StateName(kDiff), "DIFF");
}

TEST(StateTest, NamesParseBackAndOthersDoNot) {
  for (State state : kAll) EXPECT_EQ(ParseState(StateName(state)), state);
  for (const char* name : {"", "ok", "OK ", "FROZEN", "UNKNOWN"}) {
    EXPECT_EQ(ParseState(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace gitops
