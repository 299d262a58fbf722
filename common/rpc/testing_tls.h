#ifndef GITOPS_COMMON_RPC_TESTING_TLS_H_
#define GITOPS_COMMON_RPC_TESTING_TLS_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/path/temporary_directory.h"
#include "common/tls/authority.h"

namespace gitops {

// For tests: an authority, and directories as --tls-dir takes them.
class TestAuthority {
 public:
  TestAuthority() {
    EXPECT_EQ(CertificateAuthority::Init(directory_ / "ca", {}, absl::Now() - absl::Hours(1000)),
              absl::OkStatus());
    authority_.emplace(*CertificateAuthority::Open(directory_ / "ca"));
  }

  const CertificateAuthority& authority() const { return *authority_; }

  // A directory with a new certificate of ROLE/NAME.
  std::string Issue(const std::string& identity, absl::Time now = absl::Now(), int days = 90) {
    return Put(absl::StrCat("tls", ++issued_), identity, now, days);
  }
  // The same in a directory that there is: its files are replaced.
  std::string Put(const std::string& name, const std::string& identity,
                  absl::Time now = absl::Now(), int days = 90) {
    const auto material =
        authority_->Issue({.identity = *ParseIdentity(identity), .days = days}, now);
    EXPECT_TRUE(material.ok()) << material.status();
    directory_.Write(name + "/ca.crt", material->authorities_pem);
    directory_.Write(name + "/tls.crt", material->chain_pem);
    directory_.Write(name + "/tls.key", material->key_pem.Reveal());
    return directory_ / name;
  }
  const TemporaryDirectory& directory() const { return directory_; }

 private:
  const TemporaryDirectory directory_;
  std::optional<CertificateAuthority> authority_;
  int issued_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_TESTING_TLS_H_
