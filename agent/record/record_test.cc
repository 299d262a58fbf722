#include "agent/record/record.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "gitops/record/v1/record.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

constexpr char kKey[] = "agent/v1/service/nginx";

CommitInfo SampleCommit(const std::string& hash) {
  return {.hash = hash, .subject = "of " + hash, .author = "Ann", .time = absl::FromUnixSeconds(9)};
}

// Every field differs from its default, so that one that is not stored is noticed, but for
// poll_reason, which is not.
ServiceRecord SampleRecord() {
  return ServiceRecord{.state = State::kBroken,
                       .info = "unit failed",
                       .hash = "h1",
                       .published = "h2",
                       .target = "h3",
                       .pinned = "h4",
                       .coordinated = "h5",
                       .frozen_by = MakePrincipal("miek", "", "unix:"),
                       .freeze_reason = "an incident",
                       .frozen = true,
                       .pending = "h6",
                       .last_good = "h7",
                       .failed = "h8",
                       .poll_error = "no route",
                       .source_error = "no blob",
                       .activation_error = "exit 1",
                       .drift = "/etc/nginx/nginx.conf",
                       .change_time = absl::FromUnixNanos(1767225600123456789),
                       .generation = 42,
                       .links = {"nginx/etc", "nginx/html"},
                       .newest = "h9",
                       .commit = SampleCommit("h1"),
                       .target_commit = SampleCommit("h3"),
                       .newest_commit = SampleCommit("h9"),
                       .source_reason = StateReason::kDisk,
                       .state_reason = StateReason::kDisk};
}

ChangeRecord SampleChange(const std::string& reason) {
  return ChangeRecord{.time = absl::FromUnixNanos(1767225600000000001),
                      .from_hash = "h1",
                      .to_hash = "h2",
                      .from_state = State::kRollback,
                      .to_state = State::kDiff,
                      .reason = reason,
                      .actor = MakePrincipal("the planner", "alice", "ipv4:192.0.2.1:4711"),
                      .duration = absl::Nanoseconds(1'500'000'001),
                      .commit = SampleCommit("h2")};
}

class RecordStoreTest : public ::testing::Test {
 protected:
  std::vector<std::string> Reasons(const std::string& service) {
    std::vector<std::string> reasons;
    absl::StatusOr<std::vector<ChangeRecord>> changes = records_.Changes(service);
    EXPECT_TRUE(changes.ok()) << changes.status();
    for (const ChangeRecord& change : *changes) reasons.push_back(change.reason);
    return reasons;
  }

  TempStore temp_;
  FaultyStore store_{temp_.store()};
  RecordStore records_{&store_};
};

TEST_F(RecordStoreTest, WhatWasNeverStoredIsNone) {
  EXPECT_EQ(*records_.Load("nginx"), std::nullopt);
  EXPECT_TRUE(records_.Changes("nginx")->empty());
}

TEST_F(RecordStoreTest, EveryFieldComesBack) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange("rollback")).ok());
  EXPECT_TRUE(**records_.Load("nginx") == SampleRecord());
  EXPECT_TRUE(records_.Changes("nginx")->at(0) == SampleChange("rollback"));
}

TEST_F(RecordStoreTest, DefaultsReplaceWhatWasThere) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), std::nullopt).ok());
  ASSERT_TRUE(records_.Save("nginx", ServiceRecord{}, std::nullopt).ok());
  EXPECT_TRUE(**records_.Load("nginx") == ServiceRecord{});
}

TEST_F(RecordStoreTest, TextWithoutPrincipalComesBackAsItIs) {
  ServiceRecord record = SampleRecord();
  record.frozen_by = "miek (unix, not authenticated)";
  ChangeRecord change = SampleChange("upstream moved");
  change.actor = "agent";
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), std::nullopt).ok());
  ASSERT_TRUE(records_.Save("nginx", record, change).ok());
  EXPECT_TRUE(**records_.Load("nginx") == record);
  EXPECT_TRUE(records_.Changes("nginx")->at(0) == change);
}

TEST_F(RecordStoreTest, WhoFrozeItIsWhatAnOlderAgentWroteAfterADowngrade) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), std::nullopt).ok());
  record::v1::ServiceRecord stored;
  ASSERT_TRUE(stored.ParseFromString(store_.Get(kKey)->value));
  stored.set_frozen_by("bob (unix, not authenticated)");
  ASSERT_TRUE(store_.Put(kKey, stored.SerializeAsString()).ok());
  EXPECT_EQ((*records_.Load("nginx"))->frozen_by, Actor("bob (unix, not authenticated)"));
}

TEST_F(RecordStoreTest, TimesBeforeTheEpochAndNegativeFractionsComeBack) {
  ServiceRecord record;
  record.change_time = absl::UnixEpoch() - absl::Nanoseconds(1);
  ASSERT_TRUE(records_.Save("nginx", record, std::nullopt).ok());
  EXPECT_EQ((*records_.Load("nginx"))->change_time, record.change_time);
}

TEST_F(RecordStoreTest, OnlyTheNewestChangesAreKeptNewestFirst) {
  for (int i = 1; i <= kMaxKeptChanges + 5; ++i) {
    ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange(absl::StrCat(i))).ok());
  }
  std::vector<std::string> reasons = Reasons("nginx");
  ASSERT_EQ(reasons.size(), static_cast<size_t>(kMaxKeptChanges));
  EXPECT_EQ(reasons.front(), absl::StrCat(kMaxKeptChanges + 5));
  EXPECT_EQ(reasons.back(), "6");
}

TEST_F(RecordStoreTest, ServicesDoNotMix) {
  ASSERT_TRUE(records_.Save("a", SampleRecord(), SampleChange("a")).ok());
  ASSERT_TRUE(records_.Save("a.b", SampleRecord(), SampleChange("a.b")).ok());
  ASSERT_TRUE(records_.Save("ab", ServiceRecord{}, SampleChange("ab")).ok());
  EXPECT_THAT(Reasons("a"), ::testing::ElementsAre("a"));
  EXPECT_TRUE(**records_.Load("ab") == ServiceRecord{});
  for (const char* name : {"", "a/b"}) {
    EXPECT_EQ(records_.Save(name, SampleRecord(), std::nullopt).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(RecordStoreTest, AFailedWriteLeavesRecordAndHistoryAsTheyWere) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange("first")).ok());
  store_.FailNthWrite(1);
  EXPECT_EQ(records_.Save("nginx", ServiceRecord{}, SampleChange("second")).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(**records_.Load("nginx") == SampleRecord());
  EXPECT_THAT(Reasons("nginx"), ::testing::ElementsAre("first"));
  EXPECT_EQ(store_.writes(), 2) << "record, change and trimming are one write";
}

TEST_F(RecordStoreTest, ErrorsOfTheStoreAreNotTakenForAnEmptyRecord) {
  store_.FailKeys("agent/v1/");
  EXPECT_EQ(records_.Load("nginx").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(records_.Changes("nginx").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(records_.Save("nginx", SampleRecord(), std::nullopt).code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(RecordStoreTest, AStoreThatCannotBeReadIsNoDamagedRecord) {
  store_.FailKeys("agent/v1/", absl::DataLossError("database disk image is malformed"));
  EXPECT_EQ(records_.Load("nginx").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(RecordStoreTest, FieldsOfANewerAgentSurviveASaveByThisOne) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), std::nullopt).ok());
  record::v1::ServiceRecord newer;
  ASSERT_TRUE(newer.ParseFromString(store_.Get(kKey)->value));
  newer.GetReflection()->MutableUnknownFields(&newer)->AddLengthDelimited(5000, "from the future");
  ASSERT_TRUE(store_.Put(kKey, newer.SerializeAsString()).ok());

  ServiceRecord record = **records_.Load("nginx");
  record.info = "changed";
  ASSERT_TRUE(records_.Save("nginx", record, SampleChange("x")).ok());

  record::v1::ServiceRecord after;
  ASSERT_TRUE(after.ParseFromString(store_.Get(kKey)->value));
  EXPECT_EQ(after.info(), "changed");
  const auto& unknown = after.GetReflection()->GetUnknownFields(after);
  ASSERT_EQ(unknown.field_count(), 1);
  EXPECT_EQ(unknown.field(0).length_delimited(), "from the future");
}

TEST_F(RecordStoreTest, ADamagedRecordCostsNoPinNoFreezeAndNoHistory) {
  for (const char* reason : {"1", "2"}) {
    ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange(reason)).ok());
  }
  ASSERT_TRUE(store_.Put(kKey, "\xff\xff\xff").ok());
  std::string how;
  const ServiceRecord rebuilt = **records_.Load("nginx", &how);
  EXPECT_TRUE(rebuilt.frozen);
  EXPECT_EQ(rebuilt.frozen_by, SampleRecord().frozen_by);
  EXPECT_EQ(rebuilt.pinned, "h4");
  EXPECT_EQ(rebuilt.coordinated, "h5");
  EXPECT_EQ(rebuilt.hash, "h1");
  EXPECT_EQ(rebuilt.published, "h2");
  EXPECT_EQ(rebuilt.last_good, "h7");
  EXPECT_EQ(rebuilt.links, SampleRecord().links);
  EXPECT_EQ(rebuilt.pending, "h2") << "published, but not known to be activated";
  EXPECT_THAT(how, HasSubstr("damaged"));
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange("3")).ok());
  EXPECT_TRUE(**records_.Load("nginx") == SampleRecord());
  EXPECT_THAT(Reasons("nginx"), ::testing::ElementsAre("3", "2", "1"));
}

TEST_F(RecordStoreTest, TheCopyFollowsTheRecordInTheSameWrite) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), std::nullopt).ok());
  ServiceRecord unfrozen = SampleRecord();
  unfrozen.frozen = false;
  unfrozen.pinned.clear();
  store_.FailNthWrite(1);
  ASSERT_FALSE(records_.Save("nginx", unfrozen, std::nullopt).ok());
  ASSERT_TRUE(store_.Put(kKey, "").ok());
  EXPECT_TRUE((**records_.Load("nginx")).frozen) << "the write that failed changed neither";
  ASSERT_TRUE(records_.Save("nginx", unfrozen, std::nullopt).ok());
  ASSERT_TRUE(store_.Put(kKey, "").ok());
  EXPECT_FALSE((**records_.Load("nginx")).frozen);
}

TEST_F(RecordStoreTest, ADamagedRecordOfAnAgentThatKeptNoCopyIsRebuiltFrozenFromItsHistory) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange("first")).ok());
  ASSERT_TRUE(store_.Delete("agent/v1/copy/nginx").ok());
  ASSERT_TRUE(store_.Put(kKey, "\xff\xff\xff").ok());
  std::string how;
  const ServiceRecord rebuilt = **records_.Load("nginx", &how);
  EXPECT_EQ(rebuilt.state, State::kFreeze);
  EXPECT_EQ(rebuilt.published, "h2");
  EXPECT_THAT(how, HasSubstr("history"));
}

TEST_F(RecordStoreTest, ADamagedRecordWithoutCopyAndHistoryIsDataLoss) {
  ASSERT_TRUE(store_.Put(kKey, "\xff\xff\xff").ok());
  const absl::Status status = records_.Load("nginx").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(kKey));
}

// What agents stored before texts were escaped: protobuf writes it, and cannot read it.
std::string WithLatin1(std::string stored, const std::string& text) {
  const size_t at = stored.find(text);
  EXPECT_NE(at, std::string::npos);
  stored[at] = '\xe9';
  return stored;
}

TEST_F(RecordStoreTest, ARecordWithATextThatIsNotUtf8IsReadWhole) {
  ASSERT_TRUE(records_.Save("nginx", SampleRecord(), std::nullopt).ok());
  ASSERT_TRUE(store_.Delete("agent/v1/copy/nginx").ok());
  ASSERT_TRUE(store_.Put(kKey, WithLatin1(store_.Get(kKey)->value, "/etc/nginx/nginx.conf")).ok());
  ServiceRecord expected = SampleRecord();
  expected.drift = "\\xe9etc/nginx/nginx.conf";
  std::string how;
  EXPECT_TRUE(**records_.Load("nginx", &how) == expected);
  EXPECT_THAT(how, HasSubstr("UTF-8"));
}

TEST_F(RecordStoreTest, AnEntryOfTheHistoryThatCannotBeReadHidesNoOther) {
  for (const char* reason : {"first", "second", "third", "fourth"}) {
    ASSERT_TRUE(records_.Save("nginx", SampleRecord(), SampleChange(reason)).ok());
  }
  const std::string second = "agent/v1/change/nginx/00000000000000000002";
  const std::string third = "agent/v1/change/nginx/00000000000000000003";
  ASSERT_TRUE(store_.Put(second, WithLatin1(store_.Get(second)->value, "second")).ok());
  ASSERT_TRUE(store_.Put(third, "\xff\xff\xff").ok());
  EXPECT_THAT(Reasons("nginx"), ::testing::ElementsAre("fourth", "\\xe9econd", "first"));
}

TEST_F(RecordStoreTest, TextThatIsNotUtf8IsStoredEscaped) {
  ServiceRecord record = SampleRecord();
  record.drift = "caf\xe9";
  ASSERT_TRUE(records_.Save("nginx", record, SampleChange("caf\xe9")).ok());
  EXPECT_EQ((**records_.Load("nginx")).drift, "caf\\xe9");
  EXPECT_THAT(Reasons("nginx"), ::testing::ElementsAre("caf\\xe9"));
}

TEST_F(RecordStoreTest, AStateThatOnlyANewerAgentKnowsFreezesTheServiceWhereItIs) {
  ServiceRecord record = SampleRecord();
  record.frozen = false;
  record.pinned.clear();
  record::v1::ServiceRecord newer;
  ASSERT_TRUE(records_.Save("nginx", record, std::nullopt).ok());
  ASSERT_TRUE(newer.ParseFromString(store_.Get(kKey)->value));
  newer.set_state(static_cast<record::v1::ServiceState>(77));
  ASSERT_TRUE(store_.Put(kKey, newer.SerializeAsString()).ok());
  const ServiceRecord read = **records_.Load("nginx");
  EXPECT_EQ(read.state, State::kFreeze);
  EXPECT_EQ(read.hash, record.hash);
}

TEST_F(RecordStoreTest, AVerifiedTipIsKeptForWhomItNamesWithTheGenerationsAtWhichThatWasSeen) {
  const BranchName branch = {"https://example.org/ops.git", "app", "main"};
  EXPECT_FALSE(records_.VerifiedTip("web", branch).has_value());
  ASSERT_EQ(records_.SaveTip(branch, "bbbb", SampleCommit("bbbb"), {{"db", 3}, {"web", 7}}),
            absl::OkStatus());
  RecordStore restarted(&store_);
  for (RecordStore* records : {&records_, &restarted}) {
    const auto tip = records->VerifiedTip("web", branch);
    ASSERT_TRUE(tip.has_value());
    EXPECT_EQ(tip->hash, "bbbb");
    EXPECT_EQ(tip->generation, 7);
    EXPECT_FALSE(records->VerifiedTip("none", branch).has_value());
  }
  ASSERT_EQ(records_.SaveTip(branch, "cccc", SampleCommit("cccc"), {{"db", 4}}), absl::OkStatus());
  EXPECT_EQ(records_.VerifiedTip("db", branch)->hash, "cccc");
  EXPECT_FALSE(RecordStore(&store_).VerifiedTip("web", branch).has_value());
}

TEST_F(RecordStoreTest, OfSeveralBranchesTheTipThatWasSeenLastCounts) {
  const BranchName main = {"upstream", "app", "main"}, next = {"upstream", "app", "next"};
  ASSERT_EQ(records_.SaveTip(next, "nnnn", SampleCommit("nnnn"), {{"web", 9}}), absl::OkStatus());
  ASSERT_EQ(records_.SaveTip(main, "mmmm", SampleCommit("mmmm"), {{"web", 5}}), absl::OkStatus());
  RecordStore restarted(&store_);
  for (RecordStore* records : {&records_, &restarted}) {
    EXPECT_EQ(records->VerifiedTip("web", next)->hash, "nnnn");
    EXPECT_EQ(records->VerifiedTip("web", main)->hash, "") << "it was elsewhere since";
    EXPECT_EQ(records->VerifiedTip("web", main)->generation, 9);
  }
  ASSERT_EQ(records_.SaveTip(main, "mmmm", SampleCommit("mmmm"), {{"web", 10}}), absl::OkStatus());
  EXPECT_EQ(records_.VerifiedTip("web", main)->hash, "mmmm");
}

TEST_F(RecordStoreTest, ATipThatAnOlderAgentStoredWithoutGenerationsDoesNotCount) {
  record::v1::VerifiedTip tip;
  tip.set_hash("bbbb");
  tip.add_services("web");
  const Table<record::v1::VerifiedTip> tips(&store_, "agent/v1/tip/");
  ASSERT_TRUE(store_.Write({tips.Put("main app upstream", tip)}).ok());
  EXPECT_FALSE(records_.VerifiedTip("web", {"upstream", "app", "main"}).has_value());
}

std::string TipOf(RecordStore& records, const std::string& service, const BranchName& branch) {
  const auto tip = records.VerifiedTip(service, branch);
  return tip.has_value() ? tip->hash : "";
}

TEST_F(RecordStoreTest, AStoredTipThatIsDamagedCostsNoOtherBranchItsOwn) {
  const BranchName main = {"upstream", "app", "main"}, next = {"upstream", "app", "next"};
  ASSERT_EQ(records_.SaveTip(main, "mmmm", {}, {{"web", 5}}), absl::OkStatus());
  ASSERT_EQ(records_.SaveTip(next, "nnnn", {}, {{"db", 6}}), absl::OkStatus());
  ASSERT_TRUE(store_.Put("agent/v1/tip/main app upstream", "\xff damaged").ok());
  RecordStore restarted(&store_);
  EXPECT_EQ(TipOf(restarted, "web", main), "");
  EXPECT_EQ(TipOf(restarted, "db", next), "nnnn");
}

TEST_F(RecordStoreTest, AStoredTipThatCannotBeReadCostsNoOtherBranchItsOwn) {
  const BranchName main = {"upstream", "app", "main"}, next = {"upstream", "app", "next"};
  ASSERT_EQ(records_.SaveTip(main, "mmmm", {}, {{"web", 5}}), absl::OkStatus());
  ASSERT_EQ(records_.SaveTip(next, "nnnn", {}, {{"db", 6}}), absl::OkStatus());
  store_.FailKeys("agent/v1/tip/main", absl::DataLossError("database disk image is malformed"));
  RecordStore restarted(&store_);
  EXPECT_EQ(TipOf(restarted, "web", main), "");
  EXPECT_EQ(TipOf(restarted, "db", next), "nnnn");
  const int calls = store_.calls();
  EXPECT_EQ(TipOf(restarted, "mail", main), "");
  EXPECT_EQ(store_.calls(), calls) << "it is not read once more for each service";
  store_.Heal();
  ASSERT_EQ(restarted.SaveTip(main, "mmmm", {}, {{"web", 5}}), absl::OkStatus());
  EXPECT_EQ(TipOf(restarted, "web", main), "mmmm") << "verified again";
}

TEST_F(RecordStoreTest, AnErrorOfTheStoreIsNotTakenForATipThatIsDamaged) {
  const BranchName main = {"upstream", "app", "main"};
  ASSERT_EQ(records_.SaveTip(main, "mmmm", {}, {{"web", 5}}), absl::OkStatus());
  store_.FailKeys("agent/v1/tip/");
  RecordStore restarted(&store_);
  EXPECT_EQ(TipOf(restarted, "web", main), "");
  store_.Heal();
  EXPECT_EQ(TipOf(restarted, "web", main), "mmmm");
}

TEST_F(RecordStoreTest, SeveralServicesAreSavedInOneWriteWithTheirHistories) {
  ASSERT_TRUE(records_.Save("a", SampleRecord(), SampleChange("before")).ok());
  const int before = store_.writes();
  EXPECT_THAT(records_.SaveAll({{"a", SampleRecord(), SampleChange("a")},
                                {"b", SampleRecord(), SampleChange("b")},
                                {"c", SampleRecord(), std::nullopt}}),
              ::testing::Each(absl::OkStatus()));
  EXPECT_EQ(store_.writes(), before + 1);
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(**records_.Load(name), SampleRecord());
  EXPECT_THAT(Reasons("a"), ::testing::ElementsAre("a", "before"));
  EXPECT_THAT(Reasons("b"), ::testing::ElementsAre("b"));
}

TEST_F(RecordStoreTest, OfSeveralServicesOneThatCannotBeSavedDoesNotFailTheOthers) {
  store_.FailKeys("agent/v1/service/b", absl::UnavailableError("too large"));
  const std::vector<absl::Status> saved =
      records_.SaveAll({{"a", SampleRecord(), SampleChange("a")},
                        {"b", SampleRecord(), SampleChange("b")},
                        {"c/d", SampleRecord(), std::nullopt},
                        {"e", SampleRecord(), std::nullopt}});
  store_.Heal();
  EXPECT_EQ(saved[0], absl::OkStatus());
  EXPECT_EQ(saved[1].code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(saved[2].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(saved[3], absl::OkStatus());
  EXPECT_THAT(Reasons("a"), ::testing::ElementsAre("a")) << "once";
  EXPECT_FALSE(records_.Load("b")->has_value());
  EXPECT_TRUE(records_.Load("e")->has_value());
}

TEST_F(RecordStoreTest, WhatWasSavedTogetherThoughReportedAsFailedIsInTheHistoryOnce) {
  ASSERT_TRUE(records_.Save("b", SampleRecord(), SampleChange("before")).ok());
  store_.LoseNthAnswer(1);
  EXPECT_THAT(records_.SaveAll({{"a", SampleRecord(), SampleChange("a")},
                                {"b", SampleRecord(), SampleChange("b")},
                                {"c", SampleRecord(), std::nullopt}}),
              ::testing::Each(absl::OkStatus()));
  EXPECT_THAT(Reasons("a"), ::testing::ElementsAre("a"));
  EXPECT_THAT(Reasons("b"), ::testing::ElementsAre("b", "before"));
  store_.FailNthWrite(1);
  EXPECT_THAT(records_.SaveAll({{"a", SampleRecord(), SampleChange("again")},
                                {"c", SampleRecord(), SampleChange("c")}}),
              ::testing::Each(absl::OkStatus()));
  EXPECT_THAT(Reasons("a"), ::testing::ElementsAre("again", "a")) << "only the record is the same";
  EXPECT_THAT(Reasons("c"), ::testing::ElementsAre("c"));
}

TEST_F(RecordStoreTest, ChangesSavedAtTheSameTimeAreAllKept) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5; ++i) {
        while (absl::IsUnavailable(
            records_.Save("nginx", SampleRecord(), SampleChange(absl::StrCat(thread, i))))) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Reasons("nginx").size(), 20u);
}

}  // namespace
}  // namespace gitops
