#include "gateway/front/front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/http/testing_server.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Row(const std::string& token, const std::string& role, const std::string& more = "") {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash);
  return absl::StrCat(
      "[[tokens]]\nname = \"the-", token, "\"\nrole = \"", role, "\"\nsha256 = \"",
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), sizeof hash)),
      "\"\n", more);
}
std::string Row(const std::string& role) { return Row(role, role); }

// A server with a route for each Access; the tokens are "viewer", "operator", "approver", "admin",
// and "limited", an admin of one host.
class FrontTest : public TestingServer {
 protected:
  FrontTest() {
    const auto tokens =
        Tokens::Parse(absl::StrCat(Row("viewer"), Row("operator"), Row("approver"), Row("admin"),
                                   Row("limited", "admin", "on = [\"web1\"]\n")),
                      "tokens.toml");
    EXPECT_TRUE(tokens.ok()) << tokens.status();
    front_options_.tokens = [tokens = std::make_shared<const Tokens>(*tokens)] { return tokens; };
    front_options_.clock = &clock_;
    front_options_.metrics = &metrics_;
  }
  ~FrontTest() override { server_.reset(); }

  void StartFront() {
    front_ = NewFront(front_options_);
    AddRoute("/open", Access::kOpen);
    AddRoute("/viewer", Access::kViewer);
    AddRoute("/operator", Access::kOperator);
    AddRoute("/approver", Access::kApprover);
    AddRoute("/admin", Access::kAdmin);
    AddRoute("/api", Access::kApi);
    AddRoute("/list", Access::kGitopperRead);
    AddRoute("/freeze", Access::kGitopperWrite);
    AddRoute("/metrics", Access::kMetrics);
    Start();
  }

  // The answer to a GET, with these headers.
  std::string Get(const std::string& target, const std::string& headers = "") {
    return Ask(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
                            headers, "\r\n"));
  }
  int StatusOf(const std::string& target, const std::string& token = "",
               const std::string& headers = "") {
    const std::string answer =
        Get(target,
            absl::StrCat(token.empty() ? "" : absl::StrCat("Authorization: Bearer ", token, "\r\n"),
                         headers));
    return std::atoi(answer.substr(9, 3).c_str());
  }

  FakeClock clock_;
  Metrics metrics_{"gateway"};
  FrontOptions front_options_;
  std::unique_ptr<Front> front_;

 private:
  void AddRoute(const std::string& path, Access access) {
    Route({.method = "GET",
           .path = path,
           .handler = front_->Guard(
               access, [](const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
                 const Caller service = caller.ForService();
                 exchange->Respond(
                     {.status = 200,
                      .body = absl::StrCat(service.on_behalf_of, "|", service.user, "|",
                                           service.traceparent, "|role=", service.role, "|")});
               })});
  }
};

TEST_F(FrontTest, ARouteNeedsATokenOfItsRole) {
  StartFront();
  struct Case {
    const char* path;
    int none, viewer, as_operator, approver, admin;
  };
  for (const Case& each :
       {Case{"/open", 200, 200, 200, 200, 200}, Case{"/viewer", 401, 200, 200, 200, 200},
        Case{"/operator", 401, 403, 200, 403, 200}, Case{"/approver", 401, 403, 403, 200, 200},
        Case{"/admin", 401, 403, 403, 403, 200}, Case{"/list", 401, 200, 200, 200, 200},
        Case{"/freeze", 401, 403, 200, 403, 200}}) {
    EXPECT_EQ(StatusOf(each.path), each.none) << each.path;
    EXPECT_EQ(StatusOf(each.path, "viewer"), each.viewer) << each.path;
    EXPECT_EQ(StatusOf(each.path, "operator"), each.as_operator) << each.path;
    EXPECT_EQ(StatusOf(each.path, "approver"), each.approver) << each.path;
    EXPECT_EQ(StatusOf(each.path, "admin"), each.admin) << each.path;
  }
}

TEST_F(FrontTest, AWrongTokenIs401WithAProblemThatDoesNotRepeatIt) {
  StartFront();
  const std::string answer = Get("/viewer", "Authorization: Bearer not-a-token\r\n");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 401"), HasSubstr("WWW-Authenticate: Bearer"),
                            HasSubstr("\"reason\":\"UNAUTHENTICATED\""),
                            HasSubstr("application/problem+json"), Not(HasSubstr("not-a-token"))));
  EXPECT_THAT(Get("/viewer", "Authorization: Basic dmlld2Vy\r\n"), HasSubstr("HTTP/1.1 401"));
}

TEST_F(FrontTest, ATokenInAQueryIsRefused) {
  StartFront();
  EXPECT_EQ(StatusOf("/viewer?access_token=viewer"), 401);
  EXPECT_EQ(StatusOf("/viewer?a=b&TOKEN=viewer", "viewer"), 400);
  EXPECT_EQ(StatusOf("/viewer?a=token", "viewer"), 200);
}

TEST_F(FrontTest, ATokenThatIsLimitedToHostsReachesOnlyTheApi) {
  StartFront();
  EXPECT_EQ(StatusOf("/api", "limited"), 200);
  EXPECT_EQ(StatusOf("/api"), 401);
  for (const char* path : {"/viewer", "/operator", "/approver", "/admin", "/list", "/freeze"}) {
    EXPECT_EQ(StatusOf(path, "limited"), 403) << path;
  }
  EXPECT_THAT(Get("/viewer", "Authorization: Bearer limited\r\n"),
              HasSubstr("is limited to hosts (on, tagged)"));
  EXPECT_EQ(StatusOf("/open", "limited"), 200) << "it needs no token";
  EXPECT_EQ(StatusOf("/metrics", "limited"), 200);
}

TEST_F(FrontTest, ServicesAreToldTheRoleOfTheTokenOrWhatAnOpenRouteNeeds) {
  front_options_.gitopper_access = GitopperAccess::kWrite;
  StartFront();
  const auto told = [this](const std::string& path, const std::string& token) {
    const std::string answer =
        Get(path, token.empty() ? "" : absl::StrCat("Authorization: Bearer ", token, "\r\n"));
    const size_t begin = answer.find("|role=");
    return begin == std::string::npos ? "no answer" : answer.substr(begin + 1);
  };
  EXPECT_EQ(told("/operator", "operator"), "role=operator|");
  EXPECT_EQ(told("/viewer", "admin"), "role=admin|");
  EXPECT_EQ(told("/list", ""), "role=viewer|");
  EXPECT_EQ(told("/freeze", ""), "role=operator|");
  // The route checks signatures; what else the caller sends says nothing.
  EXPECT_EQ(told("/open", ""), "role=|");
  EXPECT_EQ(told("/open", "viewer"), "role=|");
}

TEST_F(FrontTest, GitopperAccessOpensItsRoutes) {
  front_options_.gitopper_access = GitopperAccess::kRead;
  StartFront();
  EXPECT_EQ(StatusOf("/list"), 200);
  EXPECT_EQ(StatusOf("/freeze"), 401);
  EXPECT_EQ(StatusOf("/viewer"), 401);
}

TEST_F(FrontTest, GitopperAccessWriteOpensBoth) {
  front_options_.gitopper_access = GitopperAccess::kWrite;
  StartFront();
  EXPECT_EQ(StatusOf("/list"), 200);
  EXPECT_EQ(StatusOf("/freeze"), 200);
}

TEST_F(FrontTest, MetricsAreOpenToThisMachineButNotThroughAProxy) {
  StartFront();
  EXPECT_EQ(StatusOf("/metrics"), 200);
  EXPECT_EQ(StatusOf("/metrics", "", "X-Forwarded-For: 127.0.0.1\r\n"), 401);
  EXPECT_EQ(StatusOf("/metrics", "viewer", "X-Forwarded-For: 192.0.2.1\r\n"), 200);
}

TEST_F(FrontTest, AnAddressIsLimitedAlsoWithWrongTokens) {
  front_options_.rate_limit = {.per_second = 1, .burst = 3};
  StartFront();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(StatusOf("/viewer", "wrong"), 401);
  const std::string answer = Get("/open");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 429"), HasSubstr("Retry-After: 1"),
                            HasSubstr("RATE_LIMITED")));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(StatusOf("/open"), 200);
}

TEST_F(FrontTest, ATokenIsLimitedWhereverItIsUsed) {
  front_options_.rate_limit = {.per_second = 1, .burst = 3};
  front_options_.proxies = *TrustedProxies::Parse({"127.0.0.1"});
  StartFront();
  const auto from = [](int host) {
    return absl::StrCat("X-Forwarded-For: 192.0.2.", host, "\r\n");
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(StatusOf("/viewer", "viewer", from(i)), 200);
  EXPECT_EQ(StatusOf("/viewer", "viewer", from(9)), 429);
  EXPECT_EQ(StatusOf("/viewer", "admin", from(9)), 200);
}

TEST_F(FrontTest, TheCallerIsPassedOnWithItsNameAddressAndTrace) {
  StartFront();
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_THAT(
      Get("/viewer", absl::StrCat("Authorization: bearer admin\r\ntraceparent: ", trace, "\r\n")),
      HasSubstr(absl::StrCat("the-admin from ipv4:127.0.0.1|the gateway|", trace)));
  EXPECT_THAT(Get("/open"), HasSubstr("unnamed from ipv4:127.0.0.1|the gateway|00-"));
}

TEST_F(FrontTest, HandlersThatWaitForOthersLeaveThreads) {
  Mutex mutex;
  CondVar changed;
  bool waits = false;
  bool released = false;
  const CallLimit limit(1);
  options_.pool_threads = 2;
  front_ = NewFront(front_options_);
  const auto add = [&](const std::string& path, CallerHandler handler) {
    Route({.method = "GET",
           .path = path,
           .handler = front_->Guard(Access::kOpen, limit.Limit(std::move(handler))),
           .in_pool = true});
  };
  add("/slow", [&](const GatewayCaller&, std::unique_ptr<HttpExchange> exchange) {
    MutexLock lock(mutex);
    waits = true;
    changed.NotifyAll();
    while (!released) changed.Wait(mutex);
    exchange->Respond({.status = 200});
  });
  add("/quick", [&](const GatewayCaller&, std::unique_ptr<HttpExchange> exchange) {
    exchange->Respond({.status = 200});
  });
  Start();
  RawClient slow(address());
  slow.Send("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  {
    MutexLock lock(mutex);
    while (!waits) changed.Wait(mutex);
  }
  EXPECT_THAT(Get("/quick"), AllOf(HasSubstr("HTTP/1.1 429"), HasSubstr("TOO_MANY_CALLS"),
                                   HasSubstr("Retry-After: 1")));
  {
    MutexLock lock(mutex);
    released = true;
    changed.NotifyAll();
  }
  EXPECT_THAT(slow.ReadAll(), HasSubstr("HTTP/1.1 200"));
  // The thread has left by the time that the next request needs it, or shortly after.
  EXPECT_TRUE(Eventually([&] { return StatusOf("/quick") == 200; }));
}

TEST_F(FrontTest, NothingIsOpenToPagesOfOtherOrigins) {
  StartFront();
  for (const char* path : {"/open", "/viewer"}) {
    EXPECT_THAT(Get(path, "Origin: https://evil.example\r\nAuthorization: Bearer viewer\r\n"),
                Not(HasSubstr("Access-Control")));
  }
}

TEST_F(FrontTest, RequestsAreCounted) {
  StartFront();
  StatusOf("/viewer");
  StatusOf("/viewer", "viewer");
  server_->Stop(absl::Seconds(1));
  EXPECT_THAT(metrics_.Text(),
              AllOf(HasSubstr("gitops_gateway_requests_total{code=\"401\",method=\"GET\"} 1"),
                    HasSubstr("gitops_gateway_requests_total{code=\"200\",method=\"GET\"} 1")));
}

}  // namespace
}  // namespace gitops
