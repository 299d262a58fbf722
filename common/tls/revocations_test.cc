#include "common/tls/revocations.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"
#include "common/tls/authority.h"

namespace gitops {
namespace {

class RevocationsTest : public ::testing::Test {
 protected:
  CertificateAuthority Make(const std::string& name) {
    EXPECT_TRUE(CertificateAuthority::Init(directory_ / name, {}, now_).ok());
    return *CertificateAuthority::Open(directory_ / name);
  }
  std::vector<CertificateInfo> Issue(const CertificateAuthority& authority,
                                     const std::string& host) {
    const auto material = authority.Issue({{Role::kAgent, host}, {}, {}, 90}, now_);
    EXPECT_TRUE(material.ok()) << material.status();
    return *ReadCertificateChain(material->chain_pem);
  }
  absl::StatusOr<Revocations> Load(const std::string& directory) {
    return Revocations::Load(directory_ / directory, now_);
  }

  const TemporaryDirectory directory_;
  const absl::Time now_ = absl::Now();
};

TEST_F(RevocationsTest, WithoutAListNothingIsRevoked) {
  const CertificateAuthority authority = Make("ca");
  const auto revocations = Load("ca");
  ASSERT_TRUE(revocations.ok()) << revocations.status();
  EXPECT_EQ(revocations->size(), 0u);
  EXPECT_FALSE(revocations->IsOverdue(now_ + absl::Hours(1'000'000)));
  EXPECT_TRUE(revocations->Check(Issue(authority, "web1")).ok());
}

TEST_F(RevocationsTest, RevokedCertificateIsRefusedAndOthersAreNot) {
  const CertificateAuthority authority = Make("ca");
  const auto web1 = Issue(authority, "web1"), web2 = Issue(authority, "web2");
  ASSERT_TRUE(authority.Revoke("agent/web1", "stolen", now_).ok());

  const auto revocations = Load("ca");

  ASSERT_TRUE(revocations.ok()) << revocations.status();
  const absl::Status refused = revocations->Check(web1);
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(absl::StrContains(refused.message(), web1[0].serial)) << refused;
  EXPECT_TRUE(revocations->Check(web2).ok());
}

TEST_F(RevocationsTest, SameSerialOfAnotherAuthorityIsNotRevoked) {
  const CertificateAuthority authority = Make("ca");
  auto web1 = Issue(authority, "web1");
  ASSERT_TRUE(authority.Revoke("agent/web1", "stolen", now_).ok());
  web1[0].issuer = "CN=another";
  EXPECT_TRUE(Load("ca")->Check(web1).ok());
}

TEST_F(RevocationsTest, ListOfAnotherAuthorityIsAnError) {
  Make("ca");
  const CertificateAuthority other = Make("other");
  Issue(other, "web1");
  ASSERT_TRUE(other.Revoke("agent/web1", "x", now_).ok());
  directory_.Write("ca/crl.pem", directory_.Read("other/crl.pem"));

  const absl::Status refused = Load("ca").status();

  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(refused.message(), "is not signed by an authority")) << refused;
}

TEST_F(RevocationsTest, ChangedOrHalfWrittenListIsAnError) {
  const CertificateAuthority authority = Make("ca");
  Issue(authority, "web1");
  ASSERT_TRUE(authority.Revoke("agent/web1", "x", now_).ok());
  const std::string whole = directory_.Read("ca/crl.pem");
  for (size_t size = 0; size < whole.size() - 6; size += 11) {
    directory_.Write("ca/crl.pem", whole.substr(0, size));
    EXPECT_FALSE(Load("ca").ok()) << size;
  }
  std::string changed = whole;
  char& byte = changed[changed.size() / 2];
  byte = byte == 'A' ? 'B' : 'A';
  directory_.Write("ca/crl.pem", changed);
  EXPECT_FALSE(Load("ca").ok());
}

TEST_F(RevocationsTest, OverdueListStaysInForce) {
  const CertificateAuthority authority = Make("ca");
  const auto web1 = Issue(authority, "web1");
  ASSERT_TRUE(authority.Revoke("agent/web1", "x", now_).ok());

  const absl::Time later = now_ + absl::Hours(24 * 400);
  const auto revocations = Revocations::Load(directory_ / "ca", later);

  ASSERT_TRUE(revocations.ok()) << revocations.status();
  EXPECT_FALSE(revocations->IsOverdue(now_));
  EXPECT_TRUE(revocations->IsOverdue(later));
  EXPECT_FALSE(revocations->Check(web1).ok());
}

TEST_F(RevocationsTest, IssuingAuthorityHasAListThatCountsBesideTheRoots) {
  const CertificateAuthority root = Make("ca");
  const auto added = root.AddIssuer(directory_ / "issuer", {.name = "planner"}, now_);
  ASSERT_TRUE(added.ok()) << added.status();
  const auto issuer = CertificateAuthority::Open(directory_ / "issuer");
  ASSERT_TRUE(issuer.ok()) << issuer.status();
  const auto web1 = Issue(*issuer, "web1"), web2 = Issue(*issuer, "web2");
  ASSERT_TRUE(issuer->Revoke("agent/web1", "x", now_).ok());
  ASSERT_TRUE(root.WriteRevocationLists(now_).ok());
  directory_.Write("ca/crl.pem",
                   absl::StrCat(directory_.Read("ca/crl.pem"), directory_.Read("issuer/crl.pem")));

  const auto revocations = Load("ca");

  ASSERT_TRUE(revocations.ok()) << revocations.status();
  EXPECT_FALSE(revocations->Check(web1).ok());
  EXPECT_TRUE(revocations->Check(web2).ok());
}

TEST_F(RevocationsTest, CertificatesOfARevokedAuthorityAreRefused) {
  const CertificateAuthority root = Make("ca");
  const auto added = root.AddIssuer(directory_ / "issuer", {.name = "planner"}, now_);
  ASSERT_TRUE(added.ok()) << added.status();
  const auto issuer = CertificateAuthority::Open(directory_ / "issuer");
  ASSERT_TRUE(issuer.ok()) << issuer.status();
  const auto web1 = Issue(*issuer, "web1");
  ASSERT_TRUE(root.Revoke("issuer/planner", "stolen", now_).ok());

  const absl::Status refused = Load("ca")->Check(web1);

  EXPECT_TRUE(absl::StrContains(refused.message(), "of its authority")) << refused;
}

}  // namespace
}  // namespace gitops
