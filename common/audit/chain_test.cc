#include "common/audit/chain.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "common/text/sha256.h"

namespace gitops {
namespace {

using Stored = std::pair<std::string, std::string>;

class ChainTest : public testing::Test {
 protected:
  ChainTest() {
    std::string hash;
    for (int64_t number = 1; number <= 6; ++number) {
      record::v1::AuditEntry entry;
      entry.set_number(number);
      entry.set_actor("alice");
      entry.set_previous_hash(hash);
      stored_.emplace_back(AuditKey(number), entry.SerializeAsString());
      hash = Sha256Hex(stored_.back().second);
      hashes_.push_back(hash);
    }
    bounds_ = {.removed = 0, .removed_hash = "", .count = 6, .hash = hash, .known = {}};
  }

  std::string Check() const {
    ChainCheck check(bounds_);
    for (const auto& [key, bytes] : stored_) check.Take(key, bytes);
    check.Finish();
    std::string text;
    for (const v1::AuditProblem& problem : check.problems()) {
      text += std::to_string(problem.number()) + " " + problem.message() + "\n";
    }
    return text;
  }
  // Rewrites a stored entry in valid form, as an attacker who knows the format would.
  void Change(size_t place, const std::string& actor) {
    record::v1::AuditEntry entry;
    entry.ParseFromString(stored_[place].second);
    entry.set_actor(actor);
    stored_[place].second = entry.SerializeAsString();
  }
  void Know(int64_t count, const std::string& hash) {
    v1::AuditHead& head = bounds_.known.emplace_back();
    head.set_count(count);
    head.set_hash(hash);
  }

  std::vector<Stored> stored_;
  std::vector<std::string> hashes_;
  ChainBounds bounds_;
};

TEST_F(ChainTest, AnUntouchedChainHasNoProblem) {
  Know(4, hashes_[3]);
  EXPECT_EQ(Check(), "");
}

TEST_F(ChainTest, AChangedEntryDoesNotLeadToTheNext) {
  Change(2, "mallory");
  EXPECT_EQ(Check(), "4 it or entry 3 was changed: it does not follow from entry 3\n");
}

TEST_F(ChainTest, AChangedFirstEntryIsFound) {
  Change(0, "mallory");
  EXPECT_EQ(Check(), "2 it or entry 1 was changed: it does not follow from entry 1\n");
}

TEST_F(ChainTest, AChangedLastEntryIsFoundByItsNotedHash) {
  Change(5, "mallory");
  EXPECT_EQ(Check(),
            "6 it was changed: its hash is not the one that was noted when it was "
            "stored\n");
}

TEST_F(ChainTest, RemovedEntriesAreNamed) {
  stored_.erase(stored_.begin() + 1, stored_.begin() + 4);
  EXPECT_EQ(Check(), "0 entries 2 to 4 are missing\n");
}

TEST_F(ChainTest, ARemovedBeginningIsNoAgeOut) {
  stored_.erase(stored_.begin());
  EXPECT_EQ(Check(), "0 entry 1 is missing\n");
}

TEST_F(ChainTest, ACutTailIsFound) {
  stored_.resize(4);
  EXPECT_EQ(Check(), "0 the end was cut off: entries 5 to 6 are missing\n");
}

TEST_F(ChainTest, ACutTailWithItsHeadIsFoundByWhoeverKnewMore) {
  stored_.resize(4);
  bounds_.count = 4;
  bounds_.hash = hashes_[3];
  EXPECT_EQ(Check(), "");  // nothing here says that there was more
  Know(6, hashes_[5]);
  EXPECT_EQ(Check(), "0 the end was cut off: the audit had 6 entries, and has 4\n");
}

TEST_F(ChainTest, AChainThatWasWrittenAnewIsFoundByWhoeverKnewAnEntry) {
  const std::string known = hashes_[3];
  std::string hash;
  for (size_t i = 0; i < stored_.size(); ++i) {
    record::v1::AuditEntry entry;
    entry.ParseFromString(stored_[i].second);
    if (i == 1) entry.set_actor("mallory");
    entry.set_previous_hash(hash);
    stored_[i].second = entry.SerializeAsString();
    hash = Sha256Hex(stored_[i].second);
  }
  bounds_.hash = hash;
  EXPECT_EQ(Check(), "");
  Know(4, known);
  EXPECT_EQ(Check(), "4 it was changed: its hash is not the one that was reported elsewhere\n");
}

TEST_F(ChainTest, SwappedEntriesAreFound) {
  std::swap(stored_[1].second, stored_[2].second);
  EXPECT_TRUE(absl::StrContains(Check(),
                                "2 entry 3 was put in its place\n"
                                "3 entry 2 was put in its place\n"))
      << Check();
}

TEST_F(ChainTest, AddedEntriesAreFound) {
  stored_.emplace_back(AuditKey(7), stored_[5].second);
  stored_.emplace_back("audit/v1/entry/x", "");
  EXPECT_EQ(Check(),
            "7 it is beyond the end of the audit\n"
            "0 there is a record that is no entry: audit/v1/entry/x\n");
}

TEST_F(ChainTest, AnEntryThatIsNoMessageIsFound) {
  stored_[2].second = "\xff";
  EXPECT_TRUE(absl::StrContains(Check(), "3 it was changed: it cannot be read\n")) << Check();
}

TEST_F(ChainTest, AfterAnAgeOutTheFirstEntryMustFollowFromTheCheckpoint) {
  stored_.erase(stored_.begin(), stored_.begin() + 2);
  bounds_.removed = 2;
  bounds_.removed_hash = hashes_[1];
  EXPECT_EQ(Check(), "");
  bounds_.removed_hash = hashes_[0];
  EXPECT_EQ(Check(), "3 it or entry 2 was changed: it does not follow from entry 2\n");
}

TEST_F(ChainTest, AnEmptiedAuditIsFound) {
  stored_.clear();
  EXPECT_EQ(Check(), "0 the end was cut off: entries 1 to 6 are missing\n");
}

TEST_F(ChainTest, ProblemsAreLimited) {
  bounds_.count = 1'000;
  for (int64_t number = 8; number < 1'000; number += 2) {
    stored_.emplace_back(AuditKey(number), "\xff");
  }
  ChainCheck check(bounds_);
  for (const auto& [key, bytes] : stored_) check.Take(key, bytes);
  ASSERT_EQ(check.problems().size(), 100u);
  EXPECT_EQ(check.problems().back().message(), "there are more problems than are listed");
}

TEST(AuditKey, IsInTheOrderOfTheNumbers) {
  EXPECT_LT(AuditKey(9), AuditKey(10));
  EXPECT_LT(AuditKey(999'999'999'999), AuditKey(1'000'000'000'000));
  EXPECT_EQ(AuditNumber(AuditKey(42)), 42);
  EXPECT_EQ(AuditNumber("audit/v1/head"), 0);
  EXPECT_EQ(AuditNumber(AuditKey(0)), 0);
}

}  // namespace
}  // namespace gitops
