#include "common/program_config/webhooks_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class WebhooksConfigTest : public ::testing::Test {
 protected:
  WebhooksConfigTest() {
    directory_.Write("secret", "s3cr3t\n");
    directory_.Write("empty", "\n");
  }
  absl::StatusOr<std::vector<WebhookSpec>> Parse(const std::string& text) {
    return ParseWebhooks(text, directory_ / "gateway.toml");
  }
  std::string Errors(const std::string& text) {
    const auto parsed = Parse(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), Not(HasSubstr("s3cr3t")));
    return std::string(parsed.status().message());
  }

  TemporaryDirectory directory_;
};

TEST_F(WebhooksConfigTest, EveryWebhookIsRead) {
  const auto webhooks = Parse(R"(
[gateway]
listen = "127.0.0.1:8000"
[[webhooks]]
provider = "github"
upstreams = ["https://github.com/acme/*", "git@github.com:other/ops.git"]
secret_file = "secret"
[[webhooks]]
provider = "generic"
upstreams = ["*"]
secret_file = "secret"
)");
  ASSERT_TRUE(webhooks.ok()) << webhooks.status();
  ASSERT_THAT(*webhooks, SizeIs(2));
  EXPECT_EQ((*webhooks)[0].provider, GitProvider::kGithub);
  EXPECT_THAT((*webhooks)[0].repositories,
              ElementsAre("github.com/acme/*", "github.com/other/ops"));
  EXPECT_EQ((*webhooks)[0].secret_file, directory_ / "secret");
  EXPECT_EQ((*webhooks)[1].provider, GitProvider::kGeneric);
}

TEST_F(WebhooksConfigTest, AFileWithoutWebhooksHasNone) {
  EXPECT_THAT(*Parse("[gateway]\n"), IsEmpty());
}

TEST_F(WebhooksConfigTest, EveryErrorIsReportedAtItsLine) {
  EXPECT_THAT(Errors("[[webhooks]]\n"), AllOf(HasSubstr("gateway.toml:1"), HasSubstr("provider"),
                                              HasSubstr("upstreams"), HasSubstr("secret_file")));
  const std::string rest = "upstreams = [\"*\"]\nsecret_file = \"secret\"\n";
  EXPECT_THAT(Errors("[[webhooks]]\nprovider = \"gitub\"\n" + rest),
              AllOf(HasSubstr("gateway.toml:2"), HasSubstr("github")));
  EXPECT_THAT(Errors("[[webhooks]]\nprovider = \"github\"\nsecret = \"x\"\n" + rest),
              AllOf(HasSubstr("gateway.toml:3"), HasSubstr("secret_file")));
  const std::string github = "[[webhooks]]\nprovider = \"github\"\nsecret_file = ";
  EXPECT_THAT(Errors(github + "\"secret\"\nupstreams = []\n"), HasSubstr("gateway.toml:4"));
  EXPECT_THAT(Errors(github + "\"none\"\nupstreams = [\"*\"]\n"),
              AllOf(HasSubstr("gateway.toml:3"), HasSubstr("none")));
  EXPECT_THAT(Errors(github + "\"empty\"\nupstreams = [\"*\"]\n"), HasSubstr("is empty"));
}

TEST_F(WebhooksConfigTest, AzureDevOpsNeedsAUserAndAPassword) {
  const std::string text = "[[webhooks]]\nprovider = \"azure-devops\"\nupstreams = [\"*\"]\n";
  EXPECT_THAT(Errors(text + "secret_file = \"secret\"\n"), HasSubstr("USER:PASSWORD"));
  directory_.Write("basic", "hook:s3cr3t\n");
  EXPECT_TRUE(Parse(text + "secret_file = \"basic\"\n").ok());
}

TEST_F(WebhooksConfigTest, GlobsCoverRepositoriesAlsoInSubgroups) {
  WebhookSpec webhook;
  webhook.repositories = {"git.example/acme/*"};
  EXPECT_TRUE(webhook.Covers("git.example/acme/ops"));
  EXPECT_TRUE(webhook.Covers("git.example/acme/team/ops"));
  EXPECT_FALSE(webhook.Covers("git.example/acme2/ops"));
  EXPECT_FALSE(webhook.Covers("git.example/acme"));
  webhook.repositories = {"*"};
  EXPECT_TRUE(webhook.Covers("/srv/git/ops"));
}

}  // namespace
}  // namespace gitops
