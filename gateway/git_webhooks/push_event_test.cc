#include "gateway/git_webhooks/push_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/http/hmac.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Secret& Key() {
  static const auto& key = *new Secret("s3cr3t");
  return key;
}

HttpServerRequest Request(const std::string& body, HttpHeaders headers = {}) {
  HttpServerRequest request;
  request.body = body;
  request.headers = std::move(headers);
  return request;
}

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string HexOf(const std::string& body) { return Sign("sha256", Key(), body)->substr(7); }

TEST(VerifyWebhookTest, EachProviderProvesItsSenderInItsOwnWay) {
  const std::string body = "{}";
  const std::string hex = HexOf(body);
  const struct {
    GitProvider provider;
    const char* header;
    std::string value;
    std::string secret = "s3cr3t";
  } cases[] = {
      {GitProvider::kGithub, "X-Hub-Signature-256", "sha256=" + hex},
      {GitProvider::kGitlab, "X-Gitlab-Token", "s3cr3t"},
      {GitProvider::kGitea, "X-Gitea-Signature", hex},
      {GitProvider::kBitbucketServer, "X-Hub-Signature", "sha256=" + hex},
      {GitProvider::kAzureDevops, "Authorization", "Basic " + absl::Base64Escape("hook:pw"),
       "hook:pw"},
      {GitProvider::kGeneric, "X-Signature", "sha256=" + hex},
  };
  for (const auto& c : cases) {
    const Secret secret(c.secret);
    EXPECT_TRUE(VerifyWebhook(c.provider, Request(body, {{c.header, c.value}}), secret, kNow).ok())
        << c.header;
    for (const std::string& wrong : {std::string(), c.value.substr(1), c.value + "0",
                                     std::string("sha1=") + hex, std::string("other")}) {
      EXPECT_EQ(VerifyWebhook(c.provider, Request(body, {{c.header, wrong}}), secret, kNow).code(),
                absl::StatusCode::kUnauthenticated)
          << c.header << ": " << wrong;
    }
    EXPECT_FALSE(VerifyWebhook(c.provider, Request(body), secret, kNow).ok());
    EXPECT_FALSE(
        VerifyWebhook(c.provider, Request(body, {{c.header, c.value}}), Secret("else"), kNow).ok());
  }
}

TEST(VerifyWebhookTest, ASignatureIsOfTheWholeBody) {
  const HttpHeaders headers = {{"X-Hub-Signature-256", "sha256=" + HexOf("{}")}};
  EXPECT_FALSE(VerifyWebhook(GitProvider::kGithub, Request("{} ", headers), Key(), kNow).ok());
}

TEST(VerifyWebhookTest, AnEmptySecretProvesNothing) {
  EXPECT_FALSE(
      VerifyWebhook(GitProvider::kGitlab, Request("{}", {{"X-Gitlab-Token", ""}}), Secret(), kNow)
          .ok());
}

// As GitLab signs with a signing token.
HttpHeaders GitlabSignature(const std::string& body, const Secret& key, int64_t time) {
  const std::string content = absl::StrCat("id-1.", time, ".", body);
  const std::string hex = Sign("sha256", key, content)->substr(7);
  return {{"webhook-id", "id-1"},
          {"webhook-timestamp", absl::StrCat(time)},
          {"webhook-signature",
           absl::StrCat("v1,AAAA v1,", absl::Base64Escape(absl::HexStringToBytes(hex)))}};
}

TEST(VerifyWebhookTest, ASigningTokenOfGitlabProvesSenderBodyAndTime) {
  const Secret bytes("0123456789abcdef");
  const Secret token("whsec_" + absl::Base64Escape("0123456789abcdef"));
  const int64_t now = absl::ToUnixSeconds(kNow);
  const auto verify = [&](const std::string& body, const HttpHeaders& headers, const Secret& key) {
    return VerifyWebhook(GitProvider::kGitlab, Request(body, headers), key, kNow);
  };
  EXPECT_TRUE(verify("{}", GitlabSignature("{}", bytes, now), token).ok());
  EXPECT_TRUE(verify("{}", GitlabSignature("{}", bytes, now - 299), token).ok());
  EXPECT_TRUE(verify("{}", GitlabSignature("{}", Key(), now), Key()).ok()) << "without whsec_";
  for (const absl::Status& refused :
       {verify("{} ", GitlabSignature("{}", bytes, now), token),
        verify("{}", GitlabSignature("{}", Key(), now), token),
        verify("{}", GitlabSignature("{}", bytes, now - 301), token),
        verify("{}", GitlabSignature("{}", bytes, now + 301), token),
        verify("{}", {{"webhook-signature", "v1,AAAA"}}, token),
        verify("{}", GitlabSignature("{}", bytes, now), Secret("whsec_!")),
        verify("{}", GitlabSignature("{}", bytes, now), Secret("whsec_")),
        verify("{}", GitlabSignature("{}", Secret("k"), now), Secret())}) {
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated) << refused;
  }
  HttpHeaders both = GitlabSignature("{}", bytes, now);
  both.emplace_back("X-Gitlab-Token", "s3cr3t");
  EXPECT_TRUE(verify("{}", both, Key()).ok()) << "the secret token is another proof";
}

constexpr char kHash[] = "22671f0349857934857983457983475ec39f196b";

std::vector<Push> PushesOf(GitProvider provider, const std::string& body) {
  const auto pushes = ReadPushes(provider, Request(body));
  EXPECT_TRUE(pushes.ok()) << pushes.status();
  return pushes.value_or(std::vector<Push>());
}

TEST(ReadPushesTest, APushOfEachProviderIsUnderstood) {
  const struct {
    GitProvider provider;
    std::string body;
  } cases[] = {
      {GitProvider::kGithub,
       absl::StrCat(R"({"ref":"refs/heads/feature/x","after":")", kHash,
                    R"(","repository":{"id":1,"clone_url":"https://git.example/acme/ops.git",)"
                    R"("ssh_url":"git@git.example:acme/ops.git","url":7}})")},
      {GitProvider::kGitea,
       absl::StrCat(R"({"ref":"refs/heads/feature/x","after":")", kHash,
                    R"(","repository":{"clone_url":"https://git.example/acme/ops.git"}})")},
      {GitProvider::kGitlab,
       absl::StrCat(R"({"object_kind":"push","ref":"refs/heads/feature/x","after":")", kHash,
                    R"(","project":{"git_http_url":"https://git.example/acme/ops.git",)"
                    R"("git_ssh_url":"git@git.example:acme/ops.git"}})")},
      {GitProvider::kBitbucketServer,
       absl::StrCat(R"({"eventKey":"repo:refs_changed","repository":{"slug":"ops","links":)"
                    R"({"clone":[{"href":"https://git.example/acme/ops.git","name":"http"}]}},)"
                    R"("changes":[{"refId":"refs/heads/feature/x","toHash":")",
                    kHash, R"(","type":"UPDATE"}]})")},
      {GitProvider::kAzureDevops,
       absl::StrCat(R"({"eventType":"git.push","resource":{"refUpdates":[)"
                    R"({"name":"refs/heads/feature/x","newObjectId":")",
                    kHash, R"("}],"repository":{"remoteUrl":"https://git.example/acme/ops"}}})")},
      {GitProvider::kGeneric, absl::StrCat(R"({"repository":"https://git.example/acme/ops",)"
                                           R"("ref":"refs/heads/feature/x","after":")",
                                           kHash, R"("})")},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(PushesOf(c.provider, c.body),
                ElementsAre(Push{{"git.example/acme/ops"}, "feature/x"}))
        << c.body;
  }
}

TEST(ReadPushesTest, EveryBranchOfAnEventCountsOnce) {
  EXPECT_THAT(
      PushesOf(GitProvider::kBitbucketServer,
               R"({"repository":{"links":{"clone":[{"href":"ssh://git@b:7999/p/r.git"},)"
               R"({"href":"https://b/scm/p/r.git"},{"name":"http"}]}},"changes":[)"
               R"({"refId":"refs/heads/b","toHash":"12"},{"refId":"refs/heads/a","toHash":"12"},)"
               R"({"refId":"refs/heads/b","toHash":"34"},{"refId":"refs/tags/v1","toHash":"12"},)"
               R"({"refId":"refs/heads/gone","toHash":"0000"}]})"),
      ElementsAre(Push{{"b/p/r", "b/scm/p/r"}, "a"}, Push{{"b/p/r", "b/scm/p/r"}, "b"}));
}

TEST(ReadPushesTest, PingsTagsAndDeletionsAreNoPushes) {
  for (const char* body : {
           R"({"zen":"Keep it simple","hook_id":1})",
           R"({"ref":"refs/tags/v1","after":"12","repository":{"clone_url":"https://h/r"}})",
           R"({"ref":"main","ref_type":"branch","repository":{"clone_url":"https://h/r"}})",
           R"({"ref":"refs/heads/main","after":"0000000000000000000000000000000000000000",)"
           R"("deleted":true,"repository":{"clone_url":"https://h/r"}})",
           R"({"ref":"refs/heads/","after":"12","repository":{"clone_url":"https://h/r"}})",
           R"({"ref":["refs/heads/main"],"after":"12"})",
           "[]",
           "7",
       }) {
    EXPECT_THAT(PushesOf(GitProvider::kGithub, body), IsEmpty()) << body;
  }
  EXPECT_THAT(PushesOf(GitProvider::kBitbucketServer, R"({"test":true})"), IsEmpty());
  EXPECT_THAT(PushesOf(GitProvider::kBitbucketServer, R"({"changes":{"refId":"x"}})"), IsEmpty());
  EXPECT_THAT(PushesOf(GitProvider::kAzureDevops, R"({"eventType":"build.complete"})"), IsEmpty());
}

TEST(ReadPushesTest, JsonThatCurlCallsAFormIsJson) {
  const auto pushes =
      ReadPushes(GitProvider::kGeneric,
                 Request(R"({"repository":"https://h/r","ref":"refs/heads/main","after":"12"})",
                         {{"Content-Type", "application/x-www-form-urlencoded"}}));
  ASSERT_TRUE(pushes.ok()) << pushes.status();
  EXPECT_THAT(*pushes, ElementsAre(Push{{"h/r"}, "main"}));
}

TEST(ReadPushesTest, AFormOfGithubIsUnderstood) {
  const HttpHeaders form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  const auto pushes = ReadPushes(
      GitProvider::kGithub,
      Request("payload=%7B%22ref%22%3A+%22refs%2Fheads%2Fmain%22%2C%22after%22%3A%2212%22%2C"
              "%22repository%22%3A%7B%22clone_url%22%3A%22https%3A%2F%2Fh%2Fr%22%7D%7D",
              form));
  ASSERT_TRUE(pushes.ok()) << pushes.status();
  EXPECT_THAT(*pushes, ElementsAre(Push{{"h/r"}, "main"}));
  EXPECT_FALSE(ReadPushes(GitProvider::kGithub, Request("a=b", form)).ok());
  EXPECT_FALSE(ReadPushes(GitProvider::kGithub, Request("payload=%7B%7", form)).ok());
}

TEST(ReadPushesTest, WhatIsNoJsonOrHasNoRepositoryIsRefused) {
  for (const char* body :
       {"", "payload=", "{", "\xff", R"({"ref":"refs/heads/main","after":"12"})",
        R"({"ref":"refs/heads/main","after":"12","repository":"https://h/r"})"}) {
    EXPECT_EQ(ReadPushes(GitProvider::kGithub, Request(body)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << body;
  }
}

}  // namespace
}  // namespace gitops
