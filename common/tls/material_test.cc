#include "common/tls/material.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"
#include "common/tls/authority.h"

namespace gitops {
namespace {

class MaterialTest : public ::testing::Test {
 protected:
  CertificateAuthority Make(const std::string& name) {
    EXPECT_TRUE(CertificateAuthority::Init(directory_ / name, {}, now_).ok());
    return *CertificateAuthority::Open(directory_ / name);
  }
  IssuedMaterial Issue(const CertificateAuthority& authority, int days = 90) {
    return *authority.Issue({{Role::kPlanner, "main"}, {"planner.example"}, {}, days}, now_);
  }
  void Put(const IssuedMaterial& material) {
    directory_.Write("tls/ca.crt", material.authorities_pem);
    directory_.Write("tls/tls.crt", material.chain_pem);
    directory_.Write("tls/tls.key", material.key_pem.Reveal());
  }
  absl::StatusOr<TlsMaterial> Load(absl::Duration later = absl::ZeroDuration()) {
    return LoadMaterial(directory_ / "tls", now_ + later);
  }
  // The error of Load() without the path of the directory.
  std::string Error(absl::Duration later = absl::ZeroDuration()) {
    const absl::Status status = Load(later).status();
    return absl::StrCat(absl::StatusCodeToString(status.code()), " ", status.message());
  }

  const TemporaryDirectory directory_;
  const absl::Time now_ = absl::Now();
};

#define EXPECT_HAS(text, part) EXPECT_TRUE(absl::StrContains(text, part)) << (text)

TEST_F(MaterialTest, LoadsWhatAnAuthorityIssued) {
  const IssuedMaterial issued = Issue(Make("ca"));
  Put(issued);

  const absl::StatusOr<TlsMaterial> material = Load();

  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_EQ(material->authorities_pem, issued.authorities_pem);
  EXPECT_EQ(material->chain_pem, issued.chain_pem);
  EXPECT_EQ(material->key_pem.Reveal(), issued.key_pem.Reveal());
  EXPECT_EQ(IdentityText(*material->certificate.identity), "planner/main");
  EXPECT_EQ(material->certificate.serial, issued.certificate.serial);
}

TEST_F(MaterialTest, AuthoritiesMayBeABundle) {
  const IssuedMaterial issued = Issue(Make("ca"));
  Put(issued);
  directory_.Write("tls/ca.crt",
                   absl::StrCat(Make("other").authorities_pem(), issued.authorities_pem));
  EXPECT_TRUE(Load().ok()) << Error();
}

TEST_F(MaterialTest, MissingFileIsNotFoundByName) {
  for (const std::string name : {"ca.crt", "tls.crt", "tls.key"}) {
    Put(Issue(Make("ca-" + name)));
    std::remove((directory_ / ("tls/" + name)).c_str());
    EXPECT_HAS(Error(), "NOT_FOUND");
    EXPECT_HAS(Error(), "tls/" + name);
  }
}

TEST_F(MaterialTest, FileCutAnywhereIsAnErrorOfThatFile) {
  const IssuedMaterial issued = Issue(Make("ca"));
  for (const std::string name : {"ca.crt", "tls.crt", "tls.key"}) {
    Put(issued);
    const std::string whole = directory_.Read("tls/" + name);
    // Without its last characters, a line end and dashes, a file may be whole for OpenSSL.
    for (size_t size = 0; size < whole.size() - 6; size += 7) {
      directory_.Write("tls/" + name, whole.substr(0, size));
      EXPECT_HAS(Error(), "INVALID_ARGUMENT") << size;
      EXPECT_HAS(Error(), "tls/" + name) << size;
    }
  }
}

TEST_F(MaterialTest, KeyOfAnotherCertificateIsAnError) {
  const CertificateAuthority authority = Make("ca");
  Put(Issue(authority));
  directory_.Write("tls/tls.key", Issue(authority).key_pem.Reveal());
  EXPECT_HAS(Error(), "the key in tls.key belongs to another certificate");
}

TEST_F(MaterialTest, CertificateOfAnotherAuthorityIsAnErrorThatNamesItsIssuer) {
  Put(Issue(Make("ca")));
  directory_.Write("tls/ca.crt", Make("other").authorities_pem());
  EXPECT_HAS(Error(), "its issuer, CN=gitops CA ");
  EXPECT_HAS(Error(), "must be in ca.crt");
}

TEST_F(MaterialTest, DatesAreAnErrorOfTheirOwnSinceTheClockMayBeWrong) {
  Put(Issue(Make("ca"), 2));
  EXPECT_TRUE(Load(absl::Hours(47)).ok());
  EXPECT_HAS(Error(absl::Hours(49)), "FAILED_PRECONDITION");
  EXPECT_HAS(Error(absl::Hours(49)), "CN=planner/main expired at ");
  EXPECT_TRUE(Load(-absl::Minutes(4)).ok());
  EXPECT_HAS(Error(-absl::Hours(1)), "FAILED_PRECONDITION");
  EXPECT_HAS(Error(-absl::Hours(1)), "by this clock it is ");
}

TEST_F(MaterialTest, KeyWithAPassphraseIsAnErrorAndNobodyIsAsked) {
  Put(Issue(Make("ca")));
  const std::string command =
      absl::StrCat("openssl pkey -aes256 -passout pass:secret -in ", directory_ / "tls/tls.key",
                   " -out ", directory_ / "locked.key");
  ASSERT_EQ(std::system(command.c_str()), 0);
  directory_.Write("tls/tls.key", directory_.Read("locked.key"));
  EXPECT_HAS(Error(), "tls/tls.key");
}

TEST_F(MaterialTest, RefusedFilesLeaveNoErrorForTheThreadsNextConnection) {
  const CertificateAuthority authority = Make("ca");
  Put(Issue(authority));
  directory_.Write("tls/tls.key", Issue(authority).key_pem.Reveal());
  EXPECT_FALSE(Load().ok());
  EXPECT_FALSE(Load(absl::Hours(24 * 400)).ok());
  directory_.Write("tls/tls.crt", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
  EXPECT_FALSE(Load().ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(MaterialTest, ErrorHasNothingOfTheKey) {
  const IssuedMaterial issued = Issue(Make("ca"));
  Put(issued);
  directory_.Write("tls/tls.crt", issued.key_pem.Reveal());
  EXPECT_HAS(Error(), "tls/tls.crt");
  EXPECT_FALSE(absl::StrContains(Error(), issued.key_pem.Reveal().substr(40, 20)));
}

}  // namespace
}  // namespace gitops
