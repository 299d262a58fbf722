#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/audit_log.h"
#include "common/audit/audit_reads.h"
#include "common/audit/chain.h"
#include "common/clock/fake_clock.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/testing_tls.h"

namespace gitops {
namespace {

// An audit in a file, which somebody changes.
class TamperingTest : public testing::Test {
 protected:
  void Start(const std::string& tls_dir = "") {
    log_.reset();
    AuditStorageOptions options;
    options.file = directory_ / "state/agent-audit.db";
    options.tls_dir = tls_dir;
    options.keep = absl::Hours(24);
    options.clock = &clock_;
    log_ = std::make_unique<AuditLog>(std::move(options), nullptr);
  }
  void Record(int count) {
    for (int i = 0; i < count; ++i) {
      record::v1::AuditEntry entry;
      entry.set_actor(absl::StrCat("alice", i));
      ASSERT_TRUE(log_->Record(entry).ok());
    }
  }
  Store& store() { return *log_->storage().Take()->store; }
  std::string Problems(const v1::AuditHead& expected = {}) {
    log_->Settle();
    v1::VerifyAuditRequest request;
    if (expected.count() > 0) *request.mutable_expected() = expected;
    const auto answer = VerifyAudit(log_->storage(), request, [] { return false; });
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return "";
    checkpoint_ = answer->checkpoint();
    std::string text;
    for (const v1::AuditProblem& problem : answer->problems()) {
      absl::StrAppend(&text, problem.number(), " ", problem.message(), "\n");
    }
    return text;
  }
  v1::AuditHead Head() { return ToApi(log_->storage().head()); }

  const TemporaryDirectory directory_;
  FakeClock clock_{absl::Now()};
  std::unique_ptr<AuditLog> log_;
  v1::AuditCheckpoint checkpoint_;
};

TEST_F(TamperingTest, ARemovedAndAChangedEntryAreFoundWhileTheProgramRuns) {
  Start();
  Record(5);
  EXPECT_EQ(Problems(), "");
  ASSERT_TRUE(store().Delete(AuditKey(2)).ok());
  EXPECT_EQ(Problems(), "0 entry 2 is missing\n");
  ASSERT_TRUE(store().Put(AuditKey(4), store().Get(AuditKey(4))->value + "\x1a\x01x").ok());
  EXPECT_TRUE(absl::StrContains(Problems(), "entry 4 was changed")) << Problems();
}

TEST_F(TamperingTest, ATailThatIsCutWhileTheProgramStandsIsFound) {
  Start();
  Record(5);
  ASSERT_TRUE(store().Delete(AuditKey(5)).ok());
  Start();
  EXPECT_EQ(Problems(), "0 the end was cut off: entry 5 is missing\n");
  Record(1);  // does not hide it
  EXPECT_EQ(Problems(), "0 entry 5 is missing\n");
}

TEST_F(TamperingTest, ATailThatIsCutWithItsHeadIsFoundByWhoeverKeptTheHead) {
  Start();
  Record(3);
  const std::string head = store().Get(kAuditHead)->value;
  Record(2);
  const v1::AuditHead reported = Head();
  ASSERT_TRUE(store()
                  .Write({{.key = AuditKey(4)},
                          {.key = AuditKey(5)},
                          {.key = std::string(kAuditHead), .value = head}})
                  .ok());
  Start();
  EXPECT_EQ(Problems(), "");
  EXPECT_EQ(Problems(reported), "0 the end was cut off: the audit had 5 entries, and has 3\n");
  clock_.Advance(absl::Seconds(1));
  Record(4);  // fills it up again
  EXPECT_EQ(Problems(reported),
            "5 it was changed: its hash is not the one that was reported elsewhere\n");
}

TEST_F(TamperingTest, AnAuditThatBeginsAnewIsFoundByWhoeverKeptTheHead) {
  Start();
  Record(3);
  const v1::AuditHead reported = Head();
  log_.reset();
  std::filesystem::remove_all(directory_ / "state");
  Start();
  Record(1);
  EXPECT_EQ(Problems(), "");
  EXPECT_TRUE(absl::StrContains(Problems(reported), "another audit began")) << Problems(reported);
}

TEST_F(TamperingTest, ARemovedHeadIsNotTakenForAnEmptyAudit) {
  Start();
  Record(3);
  const v1::AuditHead reported = Head();
  ASSERT_TRUE(store().Delete(kAuditHead).ok());
  Start();
  Record(1);
  EXPECT_EQ(log_->storage().head().count(), 4);
  EXPECT_TRUE(absl::StrContains(Problems(reported), "another audit began"));
}

TEST_F(TamperingTest, ACheckpointIsSignedWithTheKeyOfTheProgram) {
  TestAuthority authority;
  const std::string tls = authority.Issue("planner/p1");
  Start(tls);
  Record(3);
  log_->Settle();
  clock_.Advance(absl::Hours(25));
  Record(2);
  EXPECT_EQ(Problems(), "");
  EXPECT_EQ(checkpoint_.number(), 3);
  EXPECT_EQ(checkpoint_.signed_by(), "planner/p1");

  // Somebody removes entry 4 too, and makes it look like age.
  record::v1::AuditCheckpoint forged;
  ASSERT_TRUE(forged.ParseFromString(store().Get(kAuditCheckpoint)->value));
  const auto entries = store().List(kAuditEntries, "", 1);
  forged.set_number(4);
  v1::AuditEntry fourth = *ReadAuditEntry(entries->front());
  forged.set_hash(fourth.hash());
  ASSERT_TRUE(
      store()
          .Write({{.key = AuditKey(4)},
                  {.key = std::string(kAuditCheckpoint), .value = forged.SerializeAsString()}})
          .ok());
  EXPECT_EQ(Problems(),
            "0 the checkpoint after entry 4 cannot be trusted: the signature is of another text "
            "or key\n");
  // Nor without a signature, since the program had a key.
  forged.clear_signature();
  forged.set_unsigned_because("no key");
  ASSERT_TRUE(store().Put(kAuditCheckpoint, forged.SerializeAsString()).ok());
  EXPECT_TRUE(absl::StrContains(Problems(), "it is not signed, and the program had a key"))
      << Problems();
}

TEST_F(TamperingTest, ACheckpointOfAnotherAuthorityIsNotTrusted) {
  TestAuthority authority, other;
  const std::string tls = other.Issue("planner/p1");
  Start(tls);
  Record(3);
  log_->Settle();
  clock_.Advance(absl::Hours(25));
  Record(2);
  EXPECT_EQ(Problems(), "");
  Start(authority.Issue("planner/p1"));
  EXPECT_TRUE(absl::StrContains(Problems(), "cannot be trusted")) << Problems();
}

TEST_F(TamperingTest, ACheckpointOfAChangedBeginningIsFound) {
  Start();
  Record(3);
  log_->Settle();
  clock_.Advance(absl::Hours(25));
  Record(2);
  log_->Settle();
  ASSERT_TRUE(store().Delete(kAuditCheckpoint).ok());
  EXPECT_EQ(Problems(), "0 entries 1 to 3 are missing\n");
}

}  // namespace
}  // namespace gitops
