#include "common/tls/signature.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/path/temporary_directory.h"
#include "common/tls/authority.h"

namespace gitops {
namespace {

class SignatureTest : public testing::Test {
 protected:
  TlsMaterial Make(const std::string& authority, int days = 90) {
    EXPECT_TRUE(CertificateAuthority::Init(directory_ / authority, {}, now_).ok());
    const auto issued = CertificateAuthority::Open(directory_ / authority)
                            ->Issue({{Role::kPlanner, "main"}, {}, {}, days}, now_);
    EXPECT_TRUE(issued.ok()) << issued.status();
    const std::string tls = authority + "-tls";
    directory_.Write(tls + "/ca.crt", issued->authorities_pem);
    directory_.Write(tls + "/tls.crt", issued->chain_pem);
    directory_.Write(tls + "/tls.key", issued->key_pem.Reveal());
    return *LoadMaterial(directory_ / tls, now_);
  }

  const TemporaryDirectory directory_;
  const absl::Time now_ = absl::Now();
};

TEST_F(SignatureTest, NamesTheSignerOfExactlyThisText) {
  const TlsMaterial material = Make("ca");
  const std::string signature = *SignText(material, "the text");
  const auto signer =
      SignerOf("the text", signature, material.chain_pem, material.authorities_pem, now_);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ(IdentityText(*signer), "planner/main");
  EXPECT_TRUE(absl::IsInvalidArgument(
      SignerOf("the Text", signature, material.chain_pem, material.authorities_pem, now_)
          .status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      SignerOf("the text", signature.substr(1), material.chain_pem, material.authorities_pem, now_)
          .status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      SignerOf("the text", "", material.chain_pem, material.authorities_pem, now_).status()));
}

TEST_F(SignatureTest, ACertificateOfAnotherAuthorityIsNobodys) {
  const TlsMaterial material = Make("ca");
  const TlsMaterial other = Make("other");
  const std::string signature = *SignText(material, "the text");
  EXPECT_TRUE(absl::IsInvalidArgument(
      SignerOf("the text", signature, material.chain_pem, other.authorities_pem, now_).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      SignerOf("the text", signature, other.chain_pem, other.authorities_pem, now_).status()));
}

TEST_F(SignatureTest, TheCertificateMustHaveBeenValidThen) {
  const TlsMaterial material = Make("ca", /*days=*/10);
  const std::string signature = *SignText(material, "the text");
  EXPECT_TRUE(
      absl::IsFailedPrecondition(SignerOf("the text", signature, material.chain_pem,
                                          material.authorities_pem, now_ + absl::Hours(24 * 11))
                                     .status()));
}

}  // namespace
}  // namespace gitops
