#include "services/promotion_receiver/provider/repository_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  Provider provider;
  std::string url, clone_url, api;
};

TEST(RepositoryUrlTest, TheApiIsAtTheProvidersPlaceForItsHost) {
  const auto github = Provider::kGithub, gitlab = Provider::kGitlab, gitea = Provider::kGitea,
             bitbucket = Provider::kBitbucketServer, azure = Provider::kAzureDevops;
  for (const Case& test : std::vector<Case>{
           {github, "https://github.com/acme/shop.git", "https://github.com/acme/shop.git",
            "https://api.github.com/repos/acme/shop"},
           {github, "https://GitHub.com/acme/shop/", "https://github.com/acme/shop.git",
            "https://api.github.com/repos/acme/shop"},
           {github, "git@github.com:acme/shop.git", "https://github.com/acme/shop.git",
            "https://api.github.com/repos/acme/shop"},
           {github, "ssh://git@ssh.github.com:443/acme/shop.git",
            "https://github.com/acme/shop.git", "https://api.github.com/repos/acme/shop"},
           {github, "https://acme.ghe.com/acme/shop", "https://acme.ghe.com/acme/shop.git",
            "https://api.acme.ghe.com/repos/acme/shop"},
           {github, "https://me:hush@git.example:8443/acme/shop.git",
            "https://git.example:8443/acme/shop.git",
            "https://git.example:8443/api/v3/repos/acme/shop"},
           {github, "http://127.0.0.1:8080/acme/shop.git", "http://127.0.0.1:8080/acme/shop.git",
            "http://127.0.0.1:8080/api/v3/repos/acme/shop"},
           {gitlab, "https://gitlab.com/acme/team/sub/shop.git",
            "https://gitlab.com/acme/team/sub/shop.git",
            "https://gitlab.com/api/v4/projects/acme%2Fteam%2Fsub%2Fshop"},
           {gitlab, "ssh://git@git.example:2222/acme/shop.git", "https://git.example/acme/shop.git",
            "https://git.example/api/v4/projects/acme%2Fshop"},
           {gitea, "https://git.example/acme/shop", "https://git.example/acme/shop.git",
            "https://git.example/api/v1/repos/acme/shop"},
           {gitea, "https://git.example/gitea/acme/shop.git",
            "https://git.example/gitea/acme/shop.git",
            "https://git.example/gitea/api/v1/repos/acme/shop"},
           {bitbucket, "https://git.example/scm/AC/shop.git", "https://git.example/scm/AC/shop.git",
            "https://git.example/rest/api/1.0/projects/AC/repos/shop"},
           {bitbucket, "https://git.example/bitbucket/scm/~me/shop.git",
            "https://git.example/bitbucket/scm/~me/shop.git",
            "https://git.example/bitbucket/rest/api/1.0/projects/~me/repos/shop"},
           {bitbucket, "ssh://git@git.example:7999/AC/shop.git",
            "https://git.example/scm/AC/shop.git",
            "https://git.example/rest/api/1.0/projects/AC/repos/shop"},
           {azure, "https://acme@dev.azure.com/acme/team/_git/shop",
            "https://dev.azure.com/acme/team/_git/shop",
            "https://dev.azure.com/acme/team/_apis/git/repositories/shop"},
           {azure, "https://dev.azure.com/acme/_git/shop", "https://dev.azure.com/acme/_git/shop",
            "https://dev.azure.com/acme/shop/_apis/git/repositories/shop"},
           {azure, "git@ssh.dev.azure.com:v3/acme/My%20Team/shop",
            "https://dev.azure.com/acme/My%20Team/_git/shop",
            "https://dev.azure.com/acme/My%20Team/_apis/git/repositories/shop"},
           {azure, "https://acme.visualstudio.com/team/_git/shop",
            "https://acme.visualstudio.com/team/_git/shop",
            "https://acme.visualstudio.com/team/_apis/git/repositories/shop"},
           {azure, "https://acme.visualstudio.com/DefaultCollection/_git/shop",
            "https://acme.visualstudio.com/DefaultCollection/_git/shop",
            "https://acme.visualstudio.com/DefaultCollection/shop/_apis/git/repositories/shop"},
           {azure, "https://tfs.example/tfs/DefaultCollection/team/_git/shop",
            "https://tfs.example/tfs/DefaultCollection/team/_git/shop",
            "https://tfs.example/tfs/DefaultCollection/team/_apis/git/repositories/shop"},
       }) {
    const auto address = AddressOf(test.provider, test.url);
    ASSERT_TRUE(address.ok()) << test.url << ": " << address.status();
    EXPECT_EQ(address->clone_url, test.clone_url) << test.url;
    EXPECT_EQ(address->api, test.api) << test.url;
  }
}

TEST(RepositoryUrlTest, WhatNamesNoRepositoryIsRefusedWithTheFormToWrite) {
  for (const auto& [provider, url] : std::vector<std::pair<Provider, std::string>>{
           {Provider::kGithub, "https://github.com/acme"},
           {Provider::kGithub, "https://github.com/acme/shop/tree/main"},
           {Provider::kGithub, "https://github.com/acme/.git"},
           {Provider::kGitlab, "https://gitlab.com/shop.git"},
           {Provider::kGitea, "https://git.example/"},
           {Provider::kBitbucketServer, "https://git.example/shop.git"},
           {Provider::kAzureDevops, "https://dev.azure.com/acme/team/shop"},
           {Provider::kAzureDevops, "https://dev.azure.com/_git/shop"},
           {Provider::kGitea, "file:///srv/git/acme/shop.git"},
           {Provider::kGitea, "/srv/git/acme/shop.git"},
           {Provider::kGitea, "git://git.example/acme/shop.git"},
           {Provider::kGitea, "ext::sh -c id"},
       }) {
    const auto address = AddressOf(provider, url);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
  const auto secret = AddressOf(Provider::kGithub, "https://me:hush@github.com/acme");
  EXPECT_THAT(std::string(secret.status().message()), Not(HasSubstr("hush")));
  EXPECT_THAT(std::string(secret.status().message()), HasSubstr("https://HOST/OWNER/NAME.git"));
}

}  // namespace
}  // namespace gitops
