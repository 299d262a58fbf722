#include "common/tls/certificate.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

// Certificates of other makers: here openssl's.
class CertificateTest : public ::testing::Test {
 protected:
  // A self-signed one with these alternative names, in openssl's syntax.
  std::string Make(const std::string& names, const std::string& key = kP256,
                   const std::string& more = "") {
    const std::string command = absl::StrCat(
        "openssl req -x509 -nodes -days 2 -subj /CN=x -set_serial 0x00abcdef ", key, " ", more,
        names.empty() ? "" : absl::StrCat(" -addext 'subjectAltName=", names, "'"), " -keyout ",
        directory_ / "x.key", " -out ", directory_ / "x.crt 2>/dev/null");
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return directory_.Read("x.crt");
  }
  // Of a certificate with these names.
  absl::StatusOr<Identity> IdentityOf(const std::string& names) {
    const auto info = ReadCertificate(Make(names));
    return info.ok() ? info->identity : info.status();
  }
  void ExpectRefused(const absl::StatusOr<Identity>& identity, const std::string& why) {
    EXPECT_EQ(identity.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(identity.status().message(), why)) << identity.status();
  }

  static constexpr char kP256[] = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
  const TemporaryDirectory directory_;
};

TEST_F(CertificateTest, SaysWhatIsInIt) {
  const auto info = ReadCertificate(
      Make("URI:gitops://agent/web1,URI:https://example.com/x,DNS:web1.example,IP:192.0.2.7,"
           "IP:2001:db8::1"));

  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_TRUE(info->identity.ok()) << info->identity.status();
  EXPECT_EQ(IdentityText(*info->identity), "agent/web1");
  EXPECT_EQ(info->serial, "abcdef");
  EXPECT_EQ(info->subject, "CN=x");
  EXPECT_EQ(info->issuer, "CN=x");
  EXPECT_EQ(info->dns_names, std::vector<std::string>{"web1.example"});
  EXPECT_EQ(info->addresses, (std::vector<std::string>{"192.0.2.7", "2001:db8::1"}));
  EXPECT_EQ(info->not_after - info->not_before, absl::Hours(48));
  EXPECT_LT(absl::AbsDuration(absl::Now() - info->not_before), absl::Minutes(1));
  EXPECT_EQ(info->fingerprint.size(), 64u);
}

TEST_F(CertificateTest, HasExactlyOneIdentity) {
  ExpectRefused(IdentityOf(""), "no URI of the form gitops://ROLE/NAME");
  ExpectRefused(IdentityOf("URI:https://agent/web1"), "no URI of the form");
  ExpectRefused(IdentityOf("URI:gitops://agent/a,URI:gitops://agent/b"),
                "2 URIs of identities: gitops://agent/a and gitops://agent/b");
  ExpectRefused(IdentityOf("URI:gitops://agent/a,URI:GITOPS:x"), "2 URIs of identities");
}

TEST_F(CertificateTest, OtherFormsOfIdentitiesAreRefused) {
  ExpectRefused(IdentityOf("URI:Gitops://agent/web1"), "not of the form");
  ExpectRefused(IdentityOf("URI:gitops:agent/web1"), "not of the form");
  ExpectRefused(IdentityOf("URI:gitops://root/web1"), "\"root\" is not a role");
  ExpectRefused(IdentityOf("URI:gitops://agent/a/b"), "may have letters");
}

TEST_F(CertificateTest, WildcardInAnyNameIsRefused) {
  ExpectRefused(IdentityOf("URI:gitops://agent/*"), "a wildcard");
  ExpectRefused(IdentityOf("URI:gitops://agent/web1,DNS:*.example"), "a wildcard");
}

TEST_F(CertificateTest, NulInAnyNameIsRefused) {
  // In the DER form by hand, since openssl's text form cannot say it.
  directory_.Write("names.cnf",
                   "[names]\nsubjectAltName=DER:301D861B6769746F70733A2F2F6167656E742F77656231002F"
                   "61646D696E78\n");
  const std::string certificate =
      Make("", kP256,
           absl::StrCat("-config /etc/ssl/openssl.cnf -extensions names -config ",
                        directory_ / "names.cnf"));
  const auto info = ReadCertificate(certificate);
  ASSERT_TRUE(info.ok()) << info.status();
  ExpectRefused(info->identity, "a NUL in the name \"gitops://agent/web1\\x00");
}

TEST_F(CertificateTest, WeakKeysAreRefusedWithTheReason) {
  const auto info = ReadCertificate(Make("URI:gitops://agent/web1", "-newkey rsa:1024"));
  ASSERT_TRUE(info.ok()) << info.status();
  ExpectRefused(info->identity, "its RSA key has 1024 bits; at least 2048 are needed");

  const auto curve = ReadCertificate(
      Make("URI:gitops://agent/web1", "-newkey ec -pkeyopt ec_paramgen_curve:prime192v1"));
  ASSERT_TRUE(curve.ok()) << curve.status();
  ExpectRefused(curve->identity, "its key of 192 bits is too weak");

  const auto strong = ReadCertificate(Make("URI:gitops://agent/web1", "-newkey rsa:2048"));
  EXPECT_TRUE(strong.ok() && strong->identity.ok());
}

TEST_F(CertificateTest, WeakSignaturesAreRefusedWithTheReason) {
  Make("", kP256);
  for (const auto& [digest, name] : {std::pair{"sha1", "ecdsa-with-SHA1"}, {"md5", "md5"}}) {
    const std::string key = digest == std::string("md5") ? "-newkey rsa:2048" : kP256;
    const std::string authority = directory_ / "x";
    Make("", key);
    const std::string command = absl::StrCat(
        "cd ", directory_.path(), " && openssl req -new -nodes ", kP256,
        " -subj /CN=leaf -keyout leaf.key -out leaf.csr 2>/dev/null && printf "
        "subjectAltName=URI:gitops://agent/web1 > leaf.ext && openssl x509 -req -",
        digest,
        " -in leaf.csr -CA x.crt -CAkey x.key -CAcreateserial -extfile leaf.ext -out leaf.crt "
        "2>/dev/null");
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    const auto info = ReadCertificate(directory_.Read("leaf.crt"));
    ASSERT_TRUE(info.ok()) << info.status();
    ExpectRefused(info->identity, absl::StrCat("it is signed with ", digest));
  }
}

TEST_F(CertificateTest, TextWithoutACertificateIsAnError) {
  for (const std::string text : {"", "x", "-----BEGIN CERTIFICATE-----\n",
                                 "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                 "-----BEGIN X-----\nAAAA\n-----END X-----\n"}) {
    EXPECT_EQ(ReadCertificate(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(CertificateTest, ChainHasTheHoldersOwnFirst) {
  const std::string first = Make("URI:gitops://agent/a"), second = Make("URI:gitops://agent/b");
  const auto chain = ReadCertificateChain(first + "text in between\n" + second);
  ASSERT_TRUE(chain.ok()) << chain.status();
  ASSERT_EQ(chain->size(), 2u);
  EXPECT_EQ((*chain)[0].identity->name, "a");
  EXPECT_EQ((*chain)[1].identity->name, "b");
}

}  // namespace
}  // namespace gitops
