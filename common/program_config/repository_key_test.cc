#include "common/program_config/repository_key.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(RepositoryKeyTest, EveryFormOfARepositorysUrlIsTheSame) {
  for (const char* url : {
           "https://git.example/acme/ops",
           "https://git.example/acme/ops.git",
           "https://git.example/acme/ops.git/",
           "https://alice:pw@git.example:443/acme/ops.git",
           "HTTPS://Git.Example/Acme/Ops",
           "http://git.example:80/acme/ops",
           "git://git.example/acme/ops.git",
           "git://git.example:9418/acme/ops.git",
           "ssh://git@git.example/acme/ops.git",
           "ssh://git@git.example:2222/acme/ops",
           "git@git.example:acme/ops.git",
           "git.example:/acme/ops.git",
           "git.example/acme/ops",
       }) {
    EXPECT_EQ(RepositoryKey(url), "git.example/acme/ops") << url;
  }
}

TEST(RepositoryKeyTest, OtherRepositoriesAreOther) {
  const std::string ops = RepositoryKey("https://git.example/acme/ops");
  for (const char* url : {"https://git.example/acme/ops2", "https://git.example/acme",
                          "https://git.example/acme/ops/more", "https://git.example:8443/acme/ops",
                          "https://other.example/acme/ops", "https://git.example/acme/ops.git.git",
                          "/acme/ops", ""}) {
    EXPECT_NE(RepositoryKey(url), ops) << url;
  }
}

TEST(RepositoryKeyTest, FilesAndAddressesWork) {
  EXPECT_EQ(RepositoryKey("file:///srv/git/ops.git"), RepositoryKey("/srv/git/ops"));
  EXPECT_EQ(RepositoryKey("https://[::1]:8443/ops.git"), "[::1]:8443/ops");
  EXPECT_EQ(RepositoryKey("https://[::1]/ops.git"), "[::1]/ops");
}

TEST(RepositoryKeyTest, SshAndHttpsOfAzureDevOpsAreTheSame) {
  EXPECT_EQ(RepositoryKey("git@ssh.dev.azure.com:v3/Acme/Infra/ops"),
            RepositoryKey("https://acme@dev.azure.com/Acme/Infra/_git/ops"));
  EXPECT_EQ(RepositoryKey("git@ssh.dev.azure.com:v3/acme"), "ssh.dev.azure.com/v3/acme");
}

TEST(RepositoryKeyTest, GlobsKeepTheirWildcards) {
  EXPECT_EQ(RepositoryKey("https://git.example/acme/*"), "git.example/acme/*");
  EXPECT_EQ(RepositoryKey("https://git.example/acme/op?"), "git.example/acme/op?");
  EXPECT_EQ(RepositoryKey("*"), "*/");
}

}  // namespace
}  // namespace gitops
