#include "common/audit/refusals.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using record::v1::AuditEntry;
using record::v1::Principal;

AuditEntry Refused(const std::string& method, const std::string& address,
                   const std::string& name = "alice", bool proven = false) {
  AuditEntry entry;
  entry.set_method(method);
  entry.set_code("PERMISSION_DENIED");
  entry.mutable_principal()->set_name(name);
  entry.mutable_principal()->set_address(address);
  entry.mutable_principal()->set_authentication(proven ? Principal::AUTHENTICATION_TLS
                                                       : Principal::AUTHENTICATION_NONE);
  return entry;
}

class RefusalsTest : public testing::Test {
 protected:
  SteadyTime At(absl::Duration since) const { return SteadyTime(absl::Hours(1)) + since; }
  std::vector<AuditEntry> DueAt(absl::Duration since, bool all = false) {
    return refusals_.Due(At(since), absl::UnixEpoch(), all);
  }

  Refusals refusals_;
};

TEST_F(RefusalsTest, TheFirstOfAKindGetsAnEntryAndTheOthersACount) {
  AuditEntry first = Refused("A.Freeze", "ipv4:192.0.2.7");
  EXPECT_TRUE(refusals_.Take(first, At(absl::ZeroDuration())));
  first.set_number(17);
  refusals_.Stored(first);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(refusals_.Take(first, At(absl::Seconds(i))));

  EXPECT_EQ(refusals_.next(), At(Refusals::kWhile));
  EXPECT_TRUE(DueAt(Refusals::kWhile - absl::Seconds(1)).empty());
  const std::vector<AuditEntry> due = DueAt(Refusals::kWhile);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].kind(), AuditEntry::KIND_REFUSED_AGAIN);
  EXPECT_EQ(due[0].of(), 17);
  EXPECT_EQ(due[0].more(), 3);
  EXPECT_EQ(due[0].principal().address(), "ipv4:192.0.2.7");
  EXPECT_EQ(due[0].message(), "3 more refused calls like this");

  EXPECT_TRUE(refusals_.Take(first, At(Refusals::kWhile)));  // the next while
}

TEST_F(RefusalsTest, AKindWithoutMoreCallsGetsNoCount) {
  EXPECT_TRUE(refusals_.Take(Refused("A.Freeze", "unix"), At(absl::ZeroDuration())));
  EXPECT_TRUE(DueAt(Refusals::kWhile).empty());
  EXPECT_EQ(refusals_.next(), SteadyTime::Infinite());
}

TEST_F(RefusalsTest, ANameIsAKindOnlyIfACertificateProvesIt) {
  EXPECT_TRUE(refusals_.Take(Refused("A.Freeze", "ipv4:192.0.2.7", "a"), At(absl::Seconds(0))));
  EXPECT_FALSE(refusals_.Take(Refused("A.Freeze", "ipv4:192.0.2.7", "b"), At(absl::Seconds(0))));
  EXPECT_TRUE(
      refusals_.Take(Refused("A.Freeze", "ipv4:192.0.2.7", "a", true), At(absl::Seconds(0))));
  EXPECT_TRUE(
      refusals_.Take(Refused("A.Freeze", "ipv4:192.0.2.7", "b", true), At(absl::Seconds(0))));
}

TEST_F(RefusalsTest, NobodyFillsTheAuditWithManyKindsAndEachCallIsCounted) {
  constexpr int kCalls = 10'000;
  int entries = 0;
  for (int i = 0; i < kCalls; ++i) {
    entries += refusals_.Take(Refused("A.Freeze", absl::StrCat("ipv4:", i)), At(absl::Seconds(0)));
  }
  EXPECT_EQ(entries, static_cast<int>(Refusals::kMostKinds));
  int64_t counted = entries;
  for (const AuditEntry& entry : DueAt(absl::Seconds(1), /*all=*/true)) counted += entry.more();
  EXPECT_EQ(counted, kCalls);
}

}  // namespace
}  // namespace gitops
