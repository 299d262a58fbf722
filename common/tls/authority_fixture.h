#ifndef GITOPS_COMMON_TLS_AUTHORITY_FIXTURE_H_
#define GITOPS_COMMON_TLS_AUTHORITY_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/path/temporary_directory.h"
#include "common/tls/authority.h"

namespace gitops {

// What `openssl ARGUMENTS` prints, both streams: a check that shares no code with ours.
inline std::string Openssl(const std::string& arguments) {
  std::FILE* const pipe = popen(absl::StrCat("openssl ", arguments, " 2>&1").c_str(), "r");
  std::string text;
  char part[4096];
  while (const size_t size = std::fread(part, 1, sizeof part, pipe)) text.append(part, size);
  pclose(pipe);
  return text;
}

inline bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class AuthorityTest : public ::testing::Test {
 protected:
  CertificateAuthority Make(const std::string& name = "ca") {
    const absl::Status made = CertificateAuthority::Init(directory_ / name, {}, now_);
    EXPECT_TRUE(made.ok()) << made;
    return Opened(name);
  }
  CertificateAuthority Opened(const std::string& name) {
    absl::StatusOr<CertificateAuthority> authority = CertificateAuthority::Open(directory_ / name);
    EXPECT_TRUE(authority.ok()) << authority.status();
    return *std::move(authority);
  }
  IssuedMaterial Issue(const CertificateAuthority& authority, const LeafRequest& request) {
    absl::StatusOr<IssuedMaterial> material = authority.Issue(request, now_);
    EXPECT_TRUE(material.ok()) << material.status();
    return material.ok() ? *std::move(material) : IssuedMaterial();
  }
  // "…: OK" if openssl accepts the leaf of `chain` by the ca.crt in `trusted`.
  std::string Verify(const std::string& trusted, const std::string& chain,
                     const std::string& flags = "") {
    directory_.Write("chain.pem", chain);
    return Openssl(absl::StrCat("verify ", flags, " -CAfile ", directory_ / trusted,
                                "/ca.crt -untrusted ", directory_ / "chain.pem", " ",
                                directory_ / "chain.pem"));
  }
  mode_t ModeOf(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(stat((directory_ / name).c_str(), &info), 0) << name;
    return info.st_mode & 0777;
  }

  const TemporaryDirectory directory_;
  const absl::Time now_ = absl::Now();
  const LeafRequest web1_{{Role::kAgent, "web1"}, {"web1.example"}, {"192.0.2.7", "::1"}, 90};
};

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_AUTHORITY_FIXTURE_H_
