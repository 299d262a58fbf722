// What a host that joins and renews does with files, without a planner.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "common/path/read_file.h"
#include "common/server/replace_file.h"
#include "common/tls/authority_fixture.h"
#include "common/tls/join_tokens.h"
#include "common/tls/next_files.h"
#include "common/tls/request.h"
#include "common/tls/trusted.h"

namespace gitops {
namespace {

const Identity kWeb1{Role::kAgent, "web1"};

class JoinFilesTest : public AuthorityTest {
 protected:
  JoinFilesTest() { EXPECT_EQ(mkdir(dir().c_str(), 0700), 0); }

  std::string dir() { return directory_ / "tls"; }
  IssuedMaterial Sign(const CertificateAuthority& authority) {
    auto signed_one = authority.Sign(*RequestFor(*NextKey(dir())), {kWeb1, {}, {}, 90}, now_);
    EXPECT_TRUE(signed_one.ok()) << signed_one.status();
    return *std::move(signed_one);
  }
  absl::StatusOr<CertificateInfo> Take(const IssuedMaterial& material) {
    return TakeNext(dir(), material.authorities_pem, material.chain_pem, kWeb1, now_);
  }
  std::string Fingerprint(const std::string& pem) { return ReadCertificate(pem)->fingerprint; }
};

TEST_F(JoinFilesTest, TheKeyStaysUntilItsCertificateIsInForceAndThenIsAnother) {
  const CertificateAuthority ca = Make();
  const std::string key = NextKey(dir())->Reveal();
  EXPECT_EQ(ModeOf("tls/tls.key.next"), 0600u);
  EXPECT_EQ(NextKey(dir())->Reveal(), key);
  ASSERT_TRUE(Take(Sign(ca)).ok());
  EXPECT_EQ(*ReadWholeFile(dir() + "/tls.key"), key);
  EXPECT_EQ(ModeOf("tls/tls.key"), 0600u);
  EXPECT_TRUE(LoadMaterial(dir(), now_).ok());
  EXPECT_NE(NextKey(dir())->Reveal(), key);
}

TEST_F(JoinFilesTest, ACertificateForAnotherKeyOrHostChangesNothing) {
  const CertificateAuthority ca = Make();
  ASSERT_TRUE(Take(Sign(ca)).ok());
  const std::string before = *ReadWholeFile(dir() + "/tls.crt");
  EXPECT_FALSE(Take(Issue(ca, {kWeb1, {}, {}, 90})).ok());
  const auto other =
      ca.Sign(*RequestFor(*NextKey(dir())), {{Role::kAgent, "web2"}, {}, {}, 90}, now_);
  EXPECT_FALSE(Take(*other).ok());
  EXPECT_EQ(*ReadWholeFile(dir() + "/tls.crt"), before);
  EXPECT_TRUE(LoadMaterial(dir(), now_).ok());
}

TEST_F(JoinFilesTest, ACrashWhileFilesAreReplacedIsFinishedAtTheNextStart) {
  const CertificateAuthority ca = Make();
  ASSERT_TRUE(Take(Sign(ca)).ok());
  const IssuedMaterial next = Sign(ca);
  // As after a crash when the key, and nothing else, was put in its place.
  ASSERT_TRUE(ReplaceFile(dir() + "/ca.crt.next", next.authorities_pem, 0644).ok());
  ASSERT_TRUE(ReplaceFile(dir() + "/tls.crt.next", next.chain_pem, 0644).ok());
  ASSERT_EQ(rename((dir() + "/tls.key.next").c_str(), (dir() + "/tls.key").c_str()), 0);
  ASSERT_FALSE(LoadMaterial(dir(), now_).ok());
  ASSERT_TRUE(FinishNext(dir()).ok());
  const auto loaded = LoadMaterial(dir(), now_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->chain_pem, next.chain_pem);
  EXPECT_TRUE(FinishNext(dir()).ok());
}

TEST_F(JoinFilesTest, AKeyThatOthersCanReadIsNotUsed) {
  ASSERT_TRUE(NextKey(dir()).ok());
  ASSERT_EQ(chmod((dir() + "/tls.key.next").c_str(), 0644), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(NextKey(dir()).status()));
}

TEST_F(JoinFilesTest, ANextRootIsTrustedWhereTheOldOneVouchesForIt) {
  const std::string old = Make().authorities_pem();
  ASSERT_TRUE(CertificateAuthority::Rotate(directory_ / "ca", {}, now_).ok());
  const CertificateAuthority rotated = Opened("ca");
  EXPECT_EQ(*TrustedAuthorities(rotated.authorities_pem(), rotated.links_pem(), old, now_),
            rotated.authorities_pem());
  // And back, for a host that joins with the hash of the new one.
  const auto pinned =
      PinnedAuthority(rotated.authorities_pem(), Fingerprint(rotated.authorities_pem()));
  ASSERT_TRUE(pinned.ok()) << pinned.status();
  EXPECT_NE(*pinned, old);
  EXPECT_EQ(*TrustedAuthorities(rotated.authorities_pem(), rotated.links_pem(), *pinned, now_),
            rotated.authorities_pem());
  // Without links, only what is known.
  EXPECT_EQ(*TrustedAuthorities(rotated.authorities_pem(), "", old, now_), old);
}

TEST_F(JoinFilesTest, AThirdRootIsTrustedThroughTheSecond) {
  const std::string first = Make().authorities_pem();
  ASSERT_TRUE(CertificateAuthority::Rotate(directory_ / "ca", {}, now_).ok());
  ASSERT_TRUE(CertificateAuthority::Retire(directory_ / "ca", now_).ok());
  ASSERT_TRUE(CertificateAuthority::Rotate(directory_ / "ca", {}, now_).ok());
  const CertificateAuthority ca = Opened("ca");
  EXPECT_EQ(*TrustedAuthorities(ca.authorities_pem(), ca.links_pem(), first, now_),
            ca.authorities_pem());
}

TEST_F(JoinFilesTest, AStolenIssuerCannotAddARoot) {
  const CertificateAuthority root = Make();
  ASSERT_TRUE(root.AddIssuer(directory_ / "issuer", {.name = "issuer", .days = 30}, now_).ok());
  const std::string issuer = *ReadWholeFile(directory_ / "issuer/issuer.crt");
  // A root of the thief's own, with a "link": the issuer's certificate, signed by the root.
  const std::string rogue = Make("rogue").authorities_pem();
  EXPECT_FALSE(TrustedAuthorities(rogue, issuer, root.authorities_pem(), now_).ok());
  EXPECT_FALSE(TrustedAuthorities(rogue, rogue, root.authorities_pem(), now_).ok());
  // The issuer itself as a root: its name and key are those of the "link".
  EXPECT_EQ(
      *TrustedAuthorities(root.authorities_pem() + issuer, issuer, root.authorities_pem(), now_),
      root.authorities_pem());
}

TEST_F(JoinFilesTest, AnotherHashIsRefusedAndSaysWhatWasFound) {
  const std::string pem = Make().authorities_pem();
  const auto refused = PinnedAuthority(pem, std::string(64, '0'));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_TRUE(Contains(std::string(refused.status().message()), Fingerprint(pem)));
}

TEST_F(JoinFilesTest, AWeakKeyIsRefusedAndTheTokenStays) {
  const CertificateAuthority ca = Make();
  const JoinTokens tokens(directory_ / "ca");
  const Secret token = *tokens.Create("web1", absl::Hours(1), now_);
  Openssl(absl::StrCat("req -new -newkey rsa:1024 -nodes -subj /CN=x -keyout ",
                       directory_ / "weak.key", " -out ", directory_ / "weak.csr"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      tokens.Redeem({token, "web1", *ReadWholeFile(directory_ / "weak.csr")}, now_).status()));
  EXPECT_TRUE(tokens.Redeem({token, "web1", *RequestFor(*NewPrivateKey())}, now_).ok());
}

TEST_F(JoinFilesTest, TheCertificateSaysWhatTheTokenSaysAndNotWhatTheRequestAsksFor) {
  const CertificateAuthority ca = Make();
  const JoinTokens tokens(directory_ / "ca");
  const Secret token = *tokens.Create("web1", absl::Hours(1), now_);
  Openssl(
      absl::StrCat("req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "
                   "/CN=root -addext subjectAltName=URI:gitops://admin/root -keyout ",
                   directory_ / "x.key", " -out ", directory_ / "x.csr"));
  const auto joined = tokens.Redeem({token, "web1", *ReadWholeFile(directory_ / "x.csr")}, now_);
  ASSERT_TRUE(joined.ok()) << joined.status();
  const auto certificate = ReadCertificate(joined->material.chain_pem);
  EXPECT_EQ(*certificate->identity, kWeb1);
  EXPECT_TRUE(certificate->dns_names.empty());
}

TEST_F(JoinFilesTest, ARevokedTokenAndTheOneBeforeTheLastAreGoodNoLonger) {
  Make();
  const JoinTokens tokens(directory_ / "ca");
  const std::string request = *RequestFor(*NewPrivateKey());
  const Secret first = *tokens.Create("web1", absl::Hours(1), now_);
  const Secret second = *tokens.Create("web1", absl::Hours(1), now_);
  EXPECT_TRUE(absl::IsUnauthenticated(tokens.Redeem({first, "web1", request}, now_).status()));
  ASSERT_TRUE(tokens.Revoke("web1").ok());
  EXPECT_TRUE(absl::IsUnauthenticated(tokens.Redeem({second, "web1", request}, now_).status()));
  EXPECT_TRUE(absl::IsNotFound(tokens.Revoke("web1")));
}

}  // namespace
}  // namespace gitops
