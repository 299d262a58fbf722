#include "common/audit/audit_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/audit_reads.h"
#include "common/clock/fake_clock.h"
#include "common/clock/timestamp.h"
#include "common/store/convert_testing.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"

namespace gitops {
namespace {

using record::v1::AuditEntry;

// A store that outlives the audit, as a file does.
class Borrowed final : public Store {
 public:
  explicit Borrowed(Store* store) : store_(store) {}
  absl::StatusOr<StoredValue> Get(absl::string_view key) override { return store_->Get(key); }
  absl::StatusOr<std::vector<StoredValue>> List(absl::string_view prefix, absl::string_view after,
                                                int limit) override {
    return store_->List(prefix, after, limit);
  }
  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) override {
    return store_->Write(writes);
  }
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      absl::string_view, int64_t, std::function<void(const StoreEvent&)>) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<int64_t> GrantLease(absl::Duration) override {
    return absl::UnimplementedError("");
  }
  absl::Status KeepLeaseAlive(int64_t) override { return absl::UnimplementedError(""); }
  absl::Status RevokeLease(int64_t) override { return absl::UnimplementedError(""); }

 private:
  Store* const store_;
};

// Keeps what it gets, or fails.
struct SinkState {
  std::vector<int64_t> numbers;
  absl::Status status;
};
class FakeSink final : public AuditSink {
 public:
  explicit FakeSink(SinkState* state) : state_(state) {}
  absl::Status Send(const v1::AuditEntry& entry) override {
    if (state_->status.ok()) state_->numbers.push_back(entry.number());
    return state_->status;
  }

 private:
  SinkState* const state_;
};

AuditEntry Entry(const std::string& actor, AuditEntry::Kind kind = AuditEntry::KIND_ALLOWED) {
  AuditEntry entry;
  entry.set_kind(kind);
  entry.set_actor(actor);
  entry.set_method("AgentService.FreezeService");
  entry.mutable_principal()->set_name(actor);
  return entry;
}

class AuditLogTest : public testing::Test {
 protected:
  void Start(SinkState* sink = nullptr) {
    AuditStorageOptions options;
    options.keep = keep_;
    options.most_bytes = most_bytes_;
    options.clock = &clock_;
    options.open = [this]() -> absl::StatusOr<std::unique_ptr<Store>> {
      return std::make_unique<Borrowed>(&faulty_);
    };
    log_.reset();
    log_ = std::make_unique<AuditLog>(std::move(options),
                                      sink == nullptr ? nullptr : std::make_unique<FakeSink>(sink));
  }

  std::vector<v1::AuditEntry> List(const v1::ListAuditRequest& request = {}) {
    log_->Settle();
    const auto answer = ListAudit(log_->storage(), request, [] { return false; });
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return {};
    return {answer->entries().begin(), answer->entries().end()};
  }
  std::string Actors(const v1::ListAuditRequest& request = {}) {
    std::string text;
    for (const v1::AuditEntry& entry : List(request)) absl::StrAppend(&text, entry.actor(), " ");
    return text;
  }
  v1::VerifyAuditResponse Verify() {
    log_->Settle();
    const auto answer = VerifyAudit(log_->storage(), {}, [] { return false; });
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(v1::VerifyAuditResponse());
  }

  FakeClock clock_;
  TempStore temp_;
  FaultyStore faulty_{temp_.store()};
  absl::Duration keep_ = absl::Hours(24);
  int64_t most_bytes_ = 1 << 20;
  std::unique_ptr<AuditLog> log_;
};

TEST_F(AuditLogTest, EntriesAreStoredInOrderAndFollowFromEachOther) {
  Start();
  EXPECT_EQ(*log_->Record(Entry("alice")), 1);
  EXPECT_EQ(*log_->Record(Entry("bob")), 2);
  const std::vector<v1::AuditEntry> entries = List();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].previous_hash(), "");
  EXPECT_EQ(entries[1].previous_hash(), entries[0].hash());
  EXPECT_EQ(FromTimestamp(entries[1].time()), clock_.Now());
  const v1::VerifyAuditResponse verified = Verify();
  EXPECT_EQ(verified.problems_size(), 0);
  EXPECT_EQ(verified.checked(), 2);
  EXPECT_EQ(verified.head().hash(), entries[1].hash());
}

TEST_F(AuditLogTest, AnEntryIsThereAfterARestartAndTheChainGoesOn) {
  Start();
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  Start();
  EXPECT_EQ(*log_->Record(Entry("bob")), 2);
  EXPECT_EQ(Actors(), "alice bob ");
  EXPECT_EQ(Verify().problems_size(), 0);
}

TEST_F(AuditLogTest, AnEntryThatCannotBeStoredIsAnErrorAndTheNextOneWorks) {
  Start();
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  faulty_.FailNthWrite(1, absl::UnavailableError("disk is full"));
  EXPECT_EQ(log_->Record(Entry("bob")).status(), absl::UnavailableError("disk is full"));
  EXPECT_EQ(*log_->Record(Entry("carol")), 2);
  EXPECT_EQ(Actors(), "alice carol ");
  EXPECT_EQ(Verify().problems_size(), 0);
}

TEST_F(AuditLogTest, AWriteWhoseAnswerIsLostLeavesTheChainWhole) {
  Start();
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  faulty_.LoseNthAnswer(1);
  EXPECT_FALSE(log_->Record(Entry("bob")).ok());
  EXPECT_EQ(*log_->Record(Entry("carol")), 3);
  EXPECT_EQ(Verify().problems_size(), 0);
}

TEST_F(AuditLogTest, WhatNobodyWaitsForIsStoredWhenTheStoreWorksAgain) {
  Start();
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  faulty_.FailKeys("audit/");
  log_->RecordSoon(Entry("bob"));
  log_->Settle();
  EXPECT_EQ(log_->condition().unstored, 1);
  EXPECT_FALSE(log_->condition().stored.ok());
  faulty_.Heal();
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(*log_->Record(Entry("carol")), 3);
  EXPECT_EQ(Actors(), "alice bob carol ");
  EXPECT_EQ(log_->condition().unstored, 0);
}

TEST_F(AuditLogTest, MoreThanCanWaitAreCounted) {
  most_bytes_ = 64 << 20;
  Start();
  faulty_.FailKeys("audit/");
  for (int i = 0; i < 12'500; ++i) log_->RecordSoon(Entry("bob"));
  log_->Settle();
  faulty_.Heal();
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(log_->Record(Entry("carol")).ok());
  log_->Settle();
  int64_t told = 0, stored = 0;
  v1::ListAuditRequest all;
  all.set_page_size(10'000);
  while (true) {
    const auto page = ListAudit(log_->storage(), all, [] { return false; });
    ASSERT_TRUE(page.ok());
    for (const v1::AuditEntry& entry : page->entries()) {
      if (entry.kind() == v1::AuditEntry::KIND_NOTED) {
        told += entry.more();
      } else {
        ++stored;
      }
    }
    if (page->next_page_token().empty()) break;
    all.set_page_token(page->next_page_token());
  }
  EXPECT_EQ(told + stored, 12'501);
  EXPECT_GE(told, 1);
}

TEST_F(AuditLogTest, RefusedCallsOfAKindHaveOneEntryAndThenACount) {
  Start();
  for (int i = 0; i < 50; ++i) log_->RecordRefusal(Entry("eve", AuditEntry::KIND_REFUSED));
  log_->Settle();
  EXPECT_EQ(List().size(), 1u);
  clock_.Advance(Refusals::kWhile);
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  v1::ListAuditRequest refused;
  refused.set_refused(true);
  const std::vector<v1::AuditEntry> entries = List(refused);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].kind(), v1::AuditEntry::KIND_REFUSED_AGAIN);
  EXPECT_EQ(entries[1].more(), 49);
  EXPECT_EQ(entries[1].of(), entries[0].number());
  EXPECT_EQ(log_->condition().refused, 50);
}

TEST_F(AuditLogTest, TheEndOfTheProgramStoresTheCountsOfRefusedCalls) {
  Start();
  for (int i = 0; i < 3; ++i) log_->RecordRefusal(Entry("eve", AuditEntry::KIND_REFUSED));
  Start();
  const std::vector<v1::AuditEntry> entries = List();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].more(), 2);
}

TEST_F(AuditLogTest, ConcurrentEntriesMakeOneChain) {
  Start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int k = 0; k < 25; ++k) {
        EXPECT_TRUE(log_->Record(Entry(absl::StrCat("caller", i))).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const v1::VerifyAuditResponse verified = Verify();
  EXPECT_EQ(verified.checked(), 200);
  EXPECT_EQ(verified.problems_size(), 0);
}

TEST_F(AuditLogTest, OldEntriesAreRemovedAndTheCheckpointStandsForThem) {
  Start();
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  ASSERT_TRUE(log_->Record(Entry("bob")).ok());
  log_->Settle();
  clock_.Advance(absl::Hours(25));
  ASSERT_TRUE(log_->Record(Entry("carol")).ok());
  ASSERT_TRUE(log_->Record(Entry("dave")).ok());
  log_->Settle();
  EXPECT_EQ(Actors(), "carol dave ");
  const v1::VerifyAuditResponse verified = Verify();
  EXPECT_EQ(verified.problems_size(), 0);
  EXPECT_EQ(verified.first(), 3);
  EXPECT_EQ(verified.checkpoint().number(), 2);
  EXPECT_EQ(verified.checkpoint().unsigned_because(),
            "the program has no --tls-dir, and so no key");
}

TEST_F(AuditLogTest, TheOldestEntriesAreRemovedBeyondTheSize) {
  most_bytes_ = 2'000;
  Start();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(log_->Record(Entry(absl::StrCat("a", i))).ok());
  log_->Settle();
  const std::vector<v1::AuditEntry> entries = List();
  EXPECT_LT(entries.size(), 25u);
  ASSERT_FALSE(entries.empty());
  EXPECT_EQ(entries.back().number(), 200);
  EXPECT_LE(log_->condition().head.stored_bytes(), 2'000);
  EXPECT_EQ(Verify().problems_size(), 0);
}

TEST_F(AuditLogTest, RemovalCostsNothingWhereNothingIsRemoved) {
  Start();
  for (int i = 0; i < 500; ++i) log_->RecordSoon(Entry("alice"));
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  log_->Settle();
  const int before = faulty_.values_read();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log_->Record(Entry("bob")).ok());
  log_->Settle();
  EXPECT_EQ(faulty_.values_read(), before);
}

TEST_F(AuditLogTest, ListsByTimeActorAndRefusal) {
  Start();
  AuditEntry through = Entry("the gateway");
  through.mutable_principal()->set_on_behalf_of("alice@laptop from ipv4:192.0.2.7");
  for (const AuditEntry& entry :
       {Entry("alice@laptop"), Entry("bob"), through, Entry("eve", AuditEntry::KIND_REFUSED)}) {
    ASSERT_TRUE(log_->Record(entry).ok());
    clock_.Advance(absl::Minutes(1));
  }
  v1::ListAuditRequest request;
  request.set_actor("alice");
  EXPECT_EQ(Actors(request), "alice@laptop the gateway ");
  request.set_actor("*");
  EXPECT_EQ(Actors(request), "alice@laptop bob the gateway eve ");
  request.Clear();
  *request.mutable_since() = ToTimestamp(clock_.Now() - absl::Minutes(3));
  EXPECT_EQ(Actors(request), "bob the gateway eve ");
  *request.mutable_until() = ToTimestamp(clock_.Now() - absl::Minutes(1));
  EXPECT_EQ(Actors(request), "bob the gateway ");
  *request.mutable_since() = ToTimestamp(clock_.Now() + absl::Minutes(1));
  request.clear_until();
  EXPECT_EQ(Actors(request), "");
  request.Clear();
  request.set_refused(true);
  EXPECT_EQ(Actors(request), "eve ");
  request.set_actor("[");
  EXPECT_TRUE(
      absl::IsInvalidArgument(ListAudit(log_->storage(), request, [] { return false; }).status()));
}

TEST_F(AuditLogTest, PagesJoinToTheWhole) {
  Start();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(log_->Record(Entry(absl::StrCat(i))).ok());
  std::string actors;
  v1::ListAuditRequest request;
  request.set_page_size(3);
  do {
    const auto page = ListAudit(log_->storage(), request, [] { return false; });
    ASSERT_TRUE(page.ok());
    EXPECT_LE(page->entries_size(), 3);
    for (const v1::AuditEntry& entry : page->entries()) absl::StrAppend(&actors, entry.actor());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(actors, "0123456789");
}

TEST_F(AuditLogTest, ASinkGetsWhatComesAfterItsFirstUseAndNothingTwice) {
  Start();
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  SinkState sink;
  Start(&sink);
  ASSERT_TRUE(log_->Record(Entry("bob")).ok());
  log_->Settle();
  Start(&sink);
  ASSERT_TRUE(log_->Record(Entry("carol")).ok());
  log_->Settle();
  EXPECT_EQ(sink.numbers, (std::vector<int64_t>{2, 3}));
}

TEST_F(AuditLogTest, ASinkThatFailedGetsWhatItLacksAlsoAfterARestart) {
  SinkState sink;
  Start(&sink);
  ASSERT_TRUE(log_->Record(Entry("alice")).ok());
  log_->Settle();
  sink.status = absl::UnavailableError("no socket");
  ASSERT_TRUE(log_->Record(Entry("bob")).ok());
  ASSERT_TRUE(log_->Record(Entry("carol")).ok());
  log_->Settle();
  EXPECT_EQ(log_->condition().unsent, 2);
  EXPECT_EQ(log_->condition().sent, sink.status);
  log_.reset();
  sink.status = absl::OkStatus();
  Start(&sink);
  log_->Settle();
  EXPECT_EQ(sink.numbers, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(log_->condition().unsent, 0);
}

TEST(AuditEntries, AStoredEntryHasAllThatTheApiShows) {
  v1::AuditEntry api;
  record::v1::AuditEntry stored;
  EXPECT_EQ(ConversionFaults(api, stored, {"gitops.v1.AuditEntry.hash"}), "");
}

}  // namespace
}  // namespace gitops
