// Issuing authorities for agents: what they can and cannot make others believe.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/tls/authority.h"
#include "common/tls/authority_fixture.h"
#include "common/tls/certificate.h"

namespace gitops {
namespace {

class IssuerTest : public AuthorityTest {
 protected:
  CertificateAuthority MakeIssuer(const CertificateAuthority& root) {
    const auto added =
        root.AddIssuer(directory_ / "issuer", {.name = "planner", .days = 365}, now_);
    EXPECT_TRUE(added.ok()) << added.status();
    return Opened("issuer");
  }
  // What somebody with the stolen key of the issuer makes by hand, and what openssl says of it.
  std::string VerifyStolen(const std::string& names, const std::string& more = "") {
    directory_.Write("x.ext", absl::StrCat("subjectAltName=", names, "\n", more));
    Openssl(absl::StrCat("req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj ",
                         "/O=x -keyout ", directory_ / "x.key", " -out ", directory_ / "x.csr"));
    Openssl(absl::StrCat("x509 -req -days 2 -CA ", directory_ / "issuer/issuer.crt", " -CAkey ",
                         directory_ / "issuer/issuer.key", " -CAcreateserial -extfile ",
                         directory_ / "x.ext", " -in ", directory_ / "x.csr", " -out ",
                         directory_ / "x.crt"));
    return Verify("ca", directory_.Read("x.crt") + directory_.Read("issuer/issuer.crt"));
  }

  const LeafRequest agent_{{Role::kAgent, "web1.example"}, {}, {}, 90};
};

TEST_F(IssuerTest, AgentItIssuedLeadsToTheRoot) {
  const CertificateAuthority root = Make();
  const IssuedMaterial material = Issue(MakeIssuer(root), agent_);

  EXPECT_TRUE(
      Contains(Verify("ca", material.chain_pem, "-purpose sslclient -x509_strict"), ": OK"));
  EXPECT_EQ(material.authorities_pem, root.authorities_pem());
  EXPECT_EQ(ReadCertificateChain(material.chain_pem)->size(), 2u);
}

TEST_F(IssuerTest, AnyOtherRoleOfItsIsRefusedByOpenssl) {
  MakeIssuer(Make());
  ASSERT_TRUE(Contains(VerifyStolen("URI:gitops://agent/web1"), ": OK"));
  for (const std::string names :
       {"URI:gitops://admin/root", "URI:gitops://planner/agent", "URI:gitops://xagent/web1",
        "URI:gitops://agent/web1,URI:gitops://admin/root", "URI:gitops://x.agent/web1"}) {
    EXPECT_TRUE(Contains(VerifyStolen(names), "permitted subtree violation")) << names;
  }
}

TEST_F(IssuerTest, ItCannotPoseAsAServerByNameEither) {
  MakeIssuer(Make());
  for (const std::string names : {"DNS:gateway.example", "IP:192.0.2.1", "IP:::1",
                                  "URI:gitops://agent/web1,DNS:gateway.example"}) {
    EXPECT_TRUE(Contains(VerifyStolen(names), "excluded subtree violation")) << names;
  }
}

TEST_F(IssuerTest, ItCannotMakeFurtherAuthorities) {
  MakeIssuer(Make());
  VerifyStolen("URI:gitops://agent/x", "basicConstraints=critical,CA:TRUE\n");
  directory_.Write("issuer/issuer.crt", directory_.Read("x.crt"));
  directory_.Write("issuer/issuer.key", directory_.Read("x.key"));
  EXPECT_FALSE(Contains(VerifyStolen("URI:gitops://agent/web1"), ": OK"));
}

TEST_F(IssuerTest, WhatItMayNotIssueIsRefusedAndNotListed) {
  const CertificateAuthority issuer = MakeIssuer(Make());
  for (const LeafRequest& request : {LeafRequest{{Role::kAdmin, "alice"}, {}, {}, 1},
                                     LeafRequest{{Role::kAgent, "web1"}, {"web1.example"}, {}, 1},
                                     LeafRequest{{Role::kAgent, "web1"}, {}, {"192.0.2.1"}, 1}}) {
    const absl::Status refused = issuer.Issue(request, now_).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_TRUE(Contains(std::string(refused.message()), "come from the root")) << refused;
  }
  EXPECT_TRUE(issuer.Issued()->empty());
}

TEST_F(IssuerTest, ItCannotMakeIssuersOrReplaceTheRoot) {
  const CertificateAuthority issuer = MakeIssuer(Make());
  EXPECT_FALSE(issuer.AddIssuer(directory_ / "third", {}, now_).ok());
  EXPECT_FALSE(Opened("ca").AddIssuer(directory_ / "ca", {}, now_).ok());
  EXPECT_FALSE(CertificateAuthority::Rotate(directory_ / "issuer", {}, now_).ok());
  EXPECT_FALSE(CertificateAuthority::Init(directory_ / "issuer", {}, now_).ok());
}

TEST_F(IssuerTest, LeafDoesNotOutliveItsIssuer) {
  const CertificateAuthority issuer = MakeIssuer(Make());
  LeafRequest long_lived = agent_;
  long_lived.days = 3000;
  EXPECT_LE(Issue(issuer, long_lived).certificate.not_after, now_ + absl::Hours(24 * 365));
}

TEST_F(IssuerTest, RenewedIssuerKeepsItsKeyAndName) {
  const CertificateAuthority root = Make();
  const IssuedMaterial before = Issue(MakeIssuer(root), agent_);
  const std::string key = directory_.Read("issuer/issuer.key");

  ASSERT_TRUE(CertificateAuthority::Rotate(directory_ / "ca", {}, now_).ok());
  const auto renewed = Opened("ca").AddIssuer(directory_ / "issuer", {.name = "other"}, now_);

  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(renewed->holder, "issuer/planner");
  EXPECT_EQ(directory_.Read("issuer/issuer.key"), key);
  const IssuedMaterial after = Issue(Opened("issuer"), agent_);
  EXPECT_EQ(after.certificate.issuer, before.certificate.issuer);
  EXPECT_TRUE(Contains(Verify("issuer", before.chain_pem), ": OK"));
  EXPECT_TRUE(Contains(Verify("issuer", after.chain_pem), ": OK"));
}

}  // namespace
}  // namespace gitops
