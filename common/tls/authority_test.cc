#include "common/tls/authority.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tls/authority_fixture.h"
#include "common/tls/certificate.h"

namespace gitops {
namespace {

TEST_F(AuthorityTest, IssuesWhatOpensslVerifies) {
  const CertificateAuthority authority = Make();
  const IssuedMaterial material = Issue(authority, web1_);

  EXPECT_TRUE(
      Contains(Verify("ca", material.chain_pem, "-purpose sslclient -x509_strict"), ": OK"));
  EXPECT_TRUE(Contains(Verify("ca", material.chain_pem, "-purpose sslserver"), ": OK"));
  const std::string text = Openssl("x509 -noout -text -in " + (directory_ / "chain.pem"));
  EXPECT_TRUE(Contains(text,
                       "URI:gitops://agent/web1, DNS:web1.example, IP Address:192.0.2.7, IP "
                       "Address:0:0:0:0:0:0:0:1"))
      << text;
  EXPECT_TRUE(Contains(text, "prime256v1")) << text;
  EXPECT_TRUE(Contains(text, "ecdsa-with-SHA256")) << text;
  EXPECT_TRUE(Contains(text, "CA:FALSE")) << text;
}

TEST_F(AuthorityTest, LeafIsValidFromFiveMinutesAgoForItsDays) {
  const IssuedCertificate issued = Issue(Make(), web1_).certificate;

  EXPECT_EQ(absl::ToUnixSeconds(issued.not_before), absl::ToUnixSeconds(now_) - 300);
  EXPECT_EQ(absl::ToUnixSeconds(issued.not_after), absl::ToUnixSeconds(now_) + 90 * 86400);
}

TEST_F(AuthorityTest, AnotherAuthorityDoesNotVerifyIt) {
  Make("other");
  EXPECT_TRUE(Contains(Verify("other", Issue(Make(), web1_).chain_pem), "unable to get"));
}

TEST_F(AuthorityTest, EachLeafHasAKeyAndALongSerialOfItsOwn) {
  const CertificateAuthority authority = Make();
  const IssuedMaterial first = Issue(authority, web1_), second = Issue(authority, web1_);

  EXPECT_NE(first.key_pem.Reveal(), second.key_pem.Reveal());
  EXPECT_NE(first.certificate.serial, second.certificate.serial);
  EXPECT_EQ(first.certificate.serial.size(), 32u);
}

TEST_F(AuthorityTest, SignsTheKeyOfARequestButNotItsNames) {
  const CertificateAuthority authority = Make();
  Openssl(
      absl::StrCat("req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "
                   "/CN=admin -addext subjectAltName=URI:gitops://admin/root -keyout ",
                   directory_ / "host.key", " -out ", directory_ / "host.csr"));

  const absl::StatusOr<IssuedMaterial> material =
      authority.Sign(directory_.Read("host.csr"), web1_, now_);

  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_TRUE(material->key_pem.empty());
  const absl::StatusOr<CertificateInfo> info = ReadCertificate(material->chain_pem);
  ASSERT_TRUE(info.ok() && info->identity.ok());
  EXPECT_EQ(IdentityText(*info->identity), "agent/web1");
  directory_.Write("chain.pem", material->chain_pem);
  EXPECT_EQ(Openssl("x509 -noout -pubkey -in " + (directory_ / "chain.pem")),
            Openssl("pkey -pubout -in " + (directory_ / "host.key")));
}

TEST_F(AuthorityTest, RefusesRequestsThatAreWeakOrNotSignedByTheirKey) {
  const CertificateAuthority authority = Make();
  Openssl(absl::StrCat("req -new -newkey rsa:1024 -nodes -subj /CN=x -keyout ",
                       directory_ / "weak.key", " -out ", directory_ / "weak.csr"));
  Openssl(
      absl::StrCat("req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "
                   "/CN=x -outform DER -keyout ",
                   directory_ / "k.key", " -out ", directory_ / "good.der"));
  std::string forged = directory_.Read("good.der");
  forged.back() ^= 1;
  directory_.Write("forged.der", forged);
  Openssl(absl::StrCat("req -inform DER -in ", directory_ / "forged.der", " -out ",
                       directory_ / "forged.csr"));

  EXPECT_TRUE(Contains(
      std::string(authority.Sign(directory_.Read("weak.csr"), web1_, now_).status().message()),
      "its RSA key has 1024 bits"));
  EXPECT_TRUE(Contains(
      std::string(authority.Sign(directory_.Read("forged.csr"), web1_, now_).status().message()),
      "not signed with its own key"));
  EXPECT_FALSE(authority.Sign("no request", web1_, now_).ok());
}

TEST_F(AuthorityTest, NamesInARequestCannotAddOtherNames) {
  const CertificateAuthority authority = Make();
  for (const std::string dns : {"x,URI:gitops://admin/root", "*.example", "", "a..b", "a\nb"}) {
    EXPECT_EQ(authority.Issue({{Role::kAgent, "web1"}, {dns}, {}, 1}, now_).status().code(),
              absl::StatusCode::kInvalidArgument)
        << dns;
  }
  EXPECT_FALSE(authority.Issue({{Role::kAgent, "web1"}, {}, {"300.1.1.1"}, 1}, now_).ok());
  EXPECT_FALSE(authority.Issue({{Role::kAgent, "a/b"}, {}, {}, 1}, now_).ok());
  EXPECT_FALSE(authority.Issue({{Role::kAgent, "a"}, {}, {}, 0}, now_).ok());
}

TEST_F(AuthorityTest, KeyIsForItsOwnerOnlyAndAnAuthorityWithAnOpenKeyIsRefused) {
  Make();
  EXPECT_EQ(ModeOf("ca"), 0700u);
  EXPECT_EQ(ModeOf("ca/ca.key"), 0600u);

  chmod((directory_ / "ca/ca.key").c_str(), 0640);
  const absl::Status refused = CertificateAuthority::Open(directory_ / "ca").status();

  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Contains(std::string(refused.message()), "chmod 600")) << refused;
}

TEST_F(AuthorityTest, InitNeverReplacesTrust) {
  Make();
  const std::string before = directory_.Read("ca/ca.crt");
  EXPECT_EQ(CertificateAuthority::Init(directory_ / "ca", {}, now_).code(),
            absl::StatusCode::kAlreadyExists);
  directory_.Write("tls/ca.crt", before);
  EXPECT_FALSE(CertificateAuthority::Init(directory_ / "tls", {}, now_).ok());
  EXPECT_EQ(directory_.Read("ca/ca.crt"), before);
  EXPECT_EQ(directory_.Read("tls/ca.crt"), before);
}

TEST_F(AuthorityTest, InitAfterACrashUsesTheKeyThatIsThere) {
  Make();
  const std::string key = directory_.Read("ca/ca.key");
  std::remove((directory_ / "ca/ca.crt").c_str());

  const CertificateAuthority authority = Make();

  EXPECT_EQ(directory_.Read("ca/ca.key"), key);
  EXPECT_TRUE(Contains(Verify("ca", Issue(authority, web1_).chain_pem), ": OK"));
}

TEST_F(AuthorityTest, CertificatesThatAreIssuedAtTheSameTimeAreAllListed) {
  const CertificateAuthority authority = Make();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      // One of its own, as another process has.
      const auto own = CertificateAuthority::Open(directory_ / "ca");
      for (int j = 0; j < 10; ++j) EXPECT_TRUE(own->Issue(web1_, now_).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto issued = authority.Issued();
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->size(), 40u);
}

}  // namespace
}  // namespace gitops
