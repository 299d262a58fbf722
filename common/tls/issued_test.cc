#include "common/tls/issued.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

class IssuedLogTest : public ::testing::Test {
 protected:
  static IssuedCertificate Named(const std::string& serial) {
    return {.serial = serial,
            .holder = "agent/web1",
            .issuer = "CN=gitops CA",
            .dns_names = {"web1.example"},
            .addresses = {"192.0.2.7"},
            .not_before = absl::FromUnixSeconds(1'700'000'000),
            .not_after = absl::FromUnixSeconds(1'800'000'000),
            .revoked = std::nullopt,
            .reason = ""};
  }
  void Add(const std::string& serial) { ASSERT_TRUE(log_.AddIssued(Named(serial)).ok()); }

  const TemporaryDirectory directory_;
  const IssuedLog log_{directory_ / "issued.jsonl"};
};

TEST_F(IssuedLogTest, ReadsBackWhatWasAddedInOrder) {
  EXPECT_TRUE(log_.Read()->empty());
  Add("aa");
  Add("bb");
  IssuedCertificate revoked = Named("aa");
  revoked.revoked = absl::FromUnixSeconds(1'750'000'000);
  revoked.reason = "\"stolen\"";
  ASSERT_TRUE(log_.AddRevoked({revoked}).ok());

  const auto all = log_.Read();

  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].serial, "aa");
  EXPECT_EQ((*all)[0].revoked, revoked.revoked);
  EXPECT_EQ((*all)[0].reason, revoked.reason);
  EXPECT_EQ((*all)[1].serial, "bb");
  EXPECT_EQ((*all)[1].holder, "agent/web1");
  EXPECT_EQ((*all)[1].dns_names, std::vector<std::string>{"web1.example"});
  EXPECT_EQ((*all)[1].not_after, absl::FromUnixSeconds(1'800'000'000));
  EXPECT_FALSE((*all)[1].revoked.has_value());
}

TEST_F(IssuedLogTest, LineOfACrashedWriterIsDroppedAndTheNextOneIsWhole) {
  Add("aa");
  const std::string whole = directory_.Read("issued.jsonl");
  for (size_t size = 1; size < whole.size(); ++size) {
    directory_.Write("issued.jsonl", whole + whole.substr(0, size));
    ASSERT_TRUE(log_.Read().ok()) << size;
    if (size + 1 == whole.size()) continue;
    EXPECT_EQ(log_.Read()->size(), 1u) << size;
    Add("bb");
    ASSERT_EQ(log_.Read()->size(), 2u) << size;
    EXPECT_EQ(log_.Read()->back().serial, "bb");
  }
}

TEST_F(IssuedLogTest, DamagedLineIsAnErrorWithItsNumber) {
  for (const std::string line :
       {"{", "[]", "{}", "{\"issued\":1}", "{\"revoked\":\"cc\",\"time\":\"\",\"reason\":\"\"}"}) {
    directory_.Write("issued.jsonl", "");
    Add("aa");
    directory_.Write("issued.jsonl", directory_.Read("issued.jsonl") + line + "\n");
    const absl::Status status = log_.Read().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << line;
    EXPECT_TRUE(absl::StrContains(status.message(), "line 2 is damaged")) << status;
  }
}

}  // namespace
}  // namespace gitops
