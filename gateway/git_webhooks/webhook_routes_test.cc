// The webhooks over real HTTP, with a planner behind real gRPC.
#include "gateway/git_webhooks/webhook_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/hmac.h"
#include "common/http/testing_server.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/error.h"
#include "common/testing/eventually.h"
#include "ctl/testing/fake_planner.h"
#include "gateway/testing/fake_front.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class WebhookRoutesTest : public TestingServer {
 protected:
  WebhookRoutesTest() {
    directory_.Write("secret", "s3cr3t\n");
    Put("web1", "nginx", "https://git.example/acme/ops", "main");
    Put("web2", "nginx", "git@git.example:acme/ops.git", "main");
    Put("web3", "nginx", "https://git.example/acme/ops", "canary");
    Put("web1", "caddy", "https://git.example/acme/ops", "main");
    Put("web1", "other", "https://git.example/acme/other", "main");
    const auto planner = PlannerClient::New({.address = planner_->address()});
    EXPECT_TRUE(planner.ok()) << planner.status();
    options_.routes = GitWebhookRoutes(
        &front_, [this] { return std::make_shared<const std::vector<WebhookSpec>>(webhooks_); },
        *planner);
    options_.pool_threads = 2;
    Start();
  }
  ~WebhookRoutesTest() override {
    // The server and the routes hold the connection to the planner.
    server_.reset();
    options_.routes.clear();
  }

  void Put(const std::string& host, const std::string& name, const std::string& upstream,
           const std::string& branch) {
    v1::Service service;
    service.set_host(host);
    service.set_service(name);
    service.set_upstream(upstream);
    service.set_branch(branch);
    planner_->PutService(service);
  }

  std::string Post(const std::string& provider, const std::string& body,
                   const std::string& secret = "s3cr3t") {
    return Ask(absl::StrCat("POST /webhooks/git/", provider,
                            " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Signature: ",
                            *Sign("sha256", Secret(secret), body),
                            "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  }
  std::string Push(const std::string& repository = "https://git.example/acme/ops.git",
                   const std::string& branch = "main") {
    return Post("generic", absl::StrCat(R"({"repository":")", repository, R"(","ref":"refs/heads/)",
                                        branch, R"(","after":"12ab"})"));
  }

  // The requests of pulls, in order of time.
  std::vector<std::string> pulls() const {
    std::vector<std::string> found;
    for (const ctl::FakePlanner::Call& call : planner_->calls()) {
      if (call.method == "PullServices") found.push_back(call.request);
    }
    return found;
  }
  size_t lists() const {
    const auto calls = planner_->calls();
    return static_cast<size_t>(std::count_if(calls.begin(), calls.end(), [](const auto& call) {
      return call.method == "ListFleetServices";
    }));
  }

  TemporaryDirectory directory_;
  std::vector<WebhookSpec> webhooks_ = {{.provider = GitProvider::kGeneric,
                                         .repositories = {"git.example/acme/*"},
                                         .secret_file = directory_ / "secret"}};
  const std::unique_ptr<ctl::FakePlanner> planner_ = ctl::FakePlanner::Start();
  FakeFront front_;
};

TEST_F(WebhookRoutesTest, APushMakesTheServicesThatFollowTheBranchLook) {
  EXPECT_THAT(Push(), StartsWith("HTTP/1.1 202"));
  ASSERT_TRUE(Eventually([&] { return pulls().size() == 2; }));
  EXPECT_THAT(pulls(),
              ElementsAre(AllOf(HasSubstr("service: \"caddy\""), HasSubstr("on: \"web1\"")),
                          AllOf(HasSubstr("service: \"nginx\""), HasSubstr("on: \"web1\""),
                                HasSubstr("on: \"web2\""))));
}

TEST_F(WebhookRoutesTest, WhatNobodyFollowsIsTakenAndPullsNothing) {
  EXPECT_THAT(Push("https://git.example/acme/ops", "nobody"), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(Post("generic", R"({"ping":true})"), StartsWith("HTTP/1.1 202"));
  // The secret is not for this repository.
  EXPECT_THAT(Push("https://git.example/else/ops"), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(Push("https://git.example/acme/ops", "canary"), StartsWith("HTTP/1.1 202"));
  ASSERT_TRUE(Eventually([&] { return pulls().size() == 1 && lists() == 2; }));
  EXPECT_THAT(pulls(), ElementsAre(HasSubstr("web3")));
}

TEST_F(WebhookRoutesTest, PushesOfABranchWhoseServicesAreLookingAreCoalesced) {
  planner_->Hang("ListFleetServices");
  Push();
  ASSERT_TRUE(Eventually([&] { return lists() == 1; }));
  for (int i = 0; i < 5; ++i) Push();
  // Another branch does not wait for it.
  Push("https://git.example/acme/ops", "canary");
  ASSERT_TRUE(Eventually([&] { return lists() == 2; }));
  EXPECT_THAT(pulls(), IsEmpty());
}

TEST_F(WebhookRoutesTest, ASenderWithoutTheSecretIsRefused) {
  EXPECT_THAT(Post("generic", "{}", "other"),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("SIGNATURE_INVALID")));
  // Before the body is read.
  EXPECT_THAT(Post("generic", "no JSON", "other"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Post("generic", "no JSON"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("EVENT_MALFORMED")));
}

TEST_F(WebhookRoutesTest, ARotatedSecretCountsAtOnce) {
  directory_.Write("secret", "n3w\n");
  EXPECT_THAT(Post("generic", "{}", "n3w"), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(Post("generic", "{}", "s3cr3t"), StartsWith("HTTP/1.1 401"));
}

TEST_F(WebhookRoutesTest, ProvidersWithoutWebhooksAreNotFound) {
  EXPECT_THAT(Post("github", "{}"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Post("sourceforge", "{}"), AllOf(StartsWith("HTTP/1.1 404"), HasSubstr("gitlab")));
}

TEST_F(WebhookRoutesTest, AfterAFailureOfThePlannerTheNextPushIsPassedOn) {
  planner_->Fail("ListFleetServices", MakeError(Reason::kServerStopping, "stopping"));
  Push();
  ASSERT_TRUE(Eventually([&] { return lists() == 1; }));
  planner_->Fail("ListFleetServices", absl::OkStatus());
  EXPECT_THAT(Push(), StartsWith("HTTP/1.1 202"));
  EXPECT_TRUE(Eventually([&] { return pulls().size() == 2; }));
}

}  // namespace
}  // namespace gitops
