// Replacing the root, and revoking.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/tls/authority.h"
#include "common/tls/authority_fixture.h"

namespace gitops {
namespace {

class RootsTest : public AuthorityTest {
 protected:
  CertificateAuthority Rotated() {
    const absl::Status rotated =
        CertificateAuthority::Rotate(directory_ / "ca", {.name = "gitops CA"}, now_);
    EXPECT_TRUE(rotated.ok()) << rotated;
    return Opened("ca");
  }
  absl::Status Retire() { return CertificateAuthority::Retire(directory_ / "ca", now_); }
  // The certificates that `openssl verify` refuses by the lists of the authority.
  std::string VerifyWithLists(const std::string& chain) {
    return Verify("ca", chain, absl::StrCat("-crl_check -CRLfile ", directory_ / "ca/crl.pem"));
  }
};

TEST_F(RootsTest, WhileTheRootIsReplacedBothAreTrustedAndTheNewOneSigns) {
  const IssuedMaterial before = Issue(Make(), web1_);
  directory_.Write("old/ca.crt", before.authorities_pem);
  const IssuedMaterial after = Issue(Rotated(), web1_);

  EXPECT_TRUE(Contains(Verify("ca", before.chain_pem), ": OK"));
  EXPECT_TRUE(Contains(Verify("ca", after.chain_pem), ": OK"));
  EXPECT_TRUE(Contains(Verify("old", after.chain_pem), "unable to get"));
  EXPECT_NE(before.certificate.issuer, after.certificate.issuer);
  EXPECT_EQ(ModeOf("ca/ca.key"), 0600u);
}

TEST_F(RootsTest, RetiredRootIsTrustedNoLonger) {
  const IssuedMaterial before = Issue(Make(), web1_);
  const IssuedMaterial after = Issue(Rotated(), web1_);

  ASSERT_TRUE(Retire().ok()) << Retire();

  EXPECT_TRUE(Contains(Verify("ca", before.chain_pem), "unable to get"));
  EXPECT_TRUE(Contains(Verify("ca", after.chain_pem), ": OK"));
  EXPECT_TRUE(Contains(Verify("ca", Issue(Opened("ca"), web1_).chain_pem), ": OK"));
}

TEST_F(RootsTest, RootIsNotRetiredUnderAHolderWithoutANewCertificate) {
  const CertificateAuthority authority = Make();
  Issue(authority, web1_);
  Issue(authority, {{Role::kAdmin, "alice"}, {}, {}, 1});
  Issue(Rotated(), web1_);

  const absl::Status refused = Retire();

  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Contains(std::string(refused.message()), "1 holder has")) << refused;
  EXPECT_TRUE(Contains(std::string(refused.message()), "(admin/alice)")) << refused;
  ASSERT_TRUE(Opened("ca").Revoke("admin/alice", "left", now_).ok());
  EXPECT_TRUE(Retire().ok());
}

TEST_F(RootsTest, OnlyRootIsNotRetired) {
  Make();
  EXPECT_EQ(Retire().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RootsTest, RotationThatCrashedBetweenItsFilesDoesNoHarm) {
  Make();
  const std::string certificate = directory_.Read("ca/ca.crt");
  Rotated();
  directory_.Write("ca/ca.crt", certificate);

  const IssuedMaterial material = Issue(Opened("ca"), web1_);

  EXPECT_TRUE(Contains(Verify("ca", material.chain_pem), ": OK"));
}

TEST_F(RootsTest, RevokedSerialIsInTheListThatOpensslReads) {
  const CertificateAuthority authority = Make();
  const IssuedMaterial web1 = Issue(authority, web1_);
  const IssuedMaterial web2 = Issue(authority, {{Role::kAgent, "web2"}, {}, {}, 90});

  const auto revoked = authority.Revoke("agent/web1", "stolen\n", now_);

  ASSERT_TRUE(revoked.ok()) << revoked.status();
  ASSERT_EQ(revoked->size(), 1u);
  const std::string text = Openssl("crl -noout -text -in " + (directory_ / "ca/crl.pem"));
  EXPECT_TRUE(Contains(text, "Serial Number: " + absl::AsciiStrToUpper(web1.certificate.serial)))
      << text;
  EXPECT_FALSE(Contains(text, absl::AsciiStrToUpper(web2.certificate.serial)));
  EXPECT_TRUE(Contains(VerifyWithLists(web1.chain_pem), "certificate revoked"));
  EXPECT_TRUE(Contains(VerifyWithLists(web2.chain_pem), ": OK"));
  const auto issued = authority.Issued();
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->front().reason, "stolen\\x0a");
  EXPECT_EQ(issued->front().revoked, absl::FromUnixSeconds(absl::ToUnixSeconds(now_)));
}

TEST_F(RootsTest, RevocationsOfTheOldRootStayInForceWhileItIsReplaced) {
  const CertificateAuthority authority = Make();
  const IssuedMaterial before = Issue(authority, web1_);
  ASSERT_TRUE(authority.Revoke("agent/web1", "x", now_).ok());

  const IssuedMaterial after = Issue(Rotated(), web1_);

  EXPECT_TRUE(Contains(VerifyWithLists(before.chain_pem), "certificate revoked"));
  EXPECT_TRUE(Contains(VerifyWithLists(after.chain_pem), ": OK"));
}

TEST_F(RootsTest, SerialMayBeShortenedTo8Digits) {
  const CertificateAuthority authority = Make();
  const std::string serial = Issue(authority, web1_).certificate.serial;

  EXPECT_EQ(authority.Revoke(serial.substr(0, 7), "x", now_).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(authority.Revoke("00000000", "x", now_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(authority.Revoke(absl::AsciiStrToUpper(serial.substr(0, 8)), "x", now_).ok());
  EXPECT_EQ(authority.Revoke(serial, "again", now_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RootsTest, ExpiredCertificateIsRefusedByOpensslAndLeavesTheLists) {
  const CertificateAuthority authority = Make();
  LeafRequest day = web1_;
  day.days = 1;
  const IssuedMaterial material = Issue(authority, day);
  ASSERT_TRUE(authority.Revoke("agent/web1", "x", now_).ok());

  const absl::Time later = now_ + absl::Hours(25);
  EXPECT_TRUE(Contains(
      Verify("ca", material.chain_pem, absl::StrCat("-attime ", absl::ToUnixSeconds(later))),
      "certificate has expired"));
  ASSERT_TRUE(authority.WriteRevocationLists(later).ok());
  EXPECT_TRUE(Contains(Openssl("crl -noout -text -in " + (directory_ / "ca/crl.pem")),
                       "No Revoked Certificates"));
}

}  // namespace
}  // namespace gitops
