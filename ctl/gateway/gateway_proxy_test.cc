// Clients of the API, through the proxy, against an HTTP server in the gateway's place.
#include "ctl/gateway/gateway_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/client/planner_client.h"
#include "common/http/testing_server.h"
#include "common/rpc/error.h"
#include "common/rpc/peer.h"
#include "common/sync/mutex.h"

namespace gitops::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class GatewayProxyTest : public TestingServer {
 protected:
  // Answers `method` `path` with that, and records the request.
  void Answer(const std::string& method, const std::string& path, HttpServerResponse response) {
    Route({.method = method,
           .path = path,
           .handler = RespondWith([this, response](const HttpServerRequest& request) {
             MutexLock lock(mutex_);
             last_ = request;
             return response;
           }),
           .max_body = 1 << 20});
  }

  PlannerClient Planner(absl::Duration timeout = absl::Seconds(20)) {
    if (server_ == nullptr) Start();
    auto proxy = GatewayProxy::Start(
        {.url = absl::StrCat("http://", address(), "/"), .token = Secret("t0ken")});
    EXPECT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
    return *PlannerClient::New({.address = proxy_->address(),
                                .caller = {.user = "alice", .deadline = absl::Now() + timeout}});
  }
  HttpServerRequest last() {
    MutexLock lock(mutex_);
    return last_;
  }

  std::unique_ptr<GatewayProxy> proxy_;

 private:
  Mutex mutex_;
  HttpServerRequest last_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(GatewayProxyTest, ACallIsARequestWithTheToken) {
  Answer("GET", "/v1/hosts/{host}", {.body = R"({"host":{"host":"web1","state":"ONLINE"}})"});
  const auto host = Planner().GetHost("web1");
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->host(), "web1");
  EXPECT_EQ(host->state(), v1::HOST_STATE_ONLINE);
  EXPECT_EQ(last().Header("Authorization"), "Bearer t0ken");
}

TEST_F(GatewayProxyTest, ListsReadAllPages) {
  Route({.method = "GET",
         .path = "/v1/hosts",
         .handler = RespondWith([](const HttpServerRequest& request) {
           const bool first = request.query.find("pageToken") == std::string::npos;
           return HttpServerResponse{.body =
                                         first ? R"({"hosts":[{"host":"a"}],"nextPageToken":"x/y"})"
                                               : R"({"hosts":[{"host":"b"}],"nextPageToken":""})"};
         })});
  const auto hosts = Planner().ListHosts({});
  ASSERT_TRUE(hosts.ok()) << hosts.status();
  ASSERT_THAT(*hosts, SizeIs(2));
  EXPECT_EQ((*hosts)[1].host(), "b");
}

TEST_F(GatewayProxyTest, AStreamIsReadLineByLine) {
  Answer("POST", "/v1/services/nginx:pull",
         {.body = "{\"outcome\":{\"host\":\"web1\",\"number\":1}}\n"
                  "{\"outcome\":{\"host\":\"web2\",\"number\":2}}\n"});
  v1::PullServicesRequest request;
  request.set_service("nginx");
  request.mutable_selection()->set_all(true);
  const auto outcomes = Planner().Pull(request, [](const v1::HostOutcome&) {});
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  ASSERT_THAT(*outcomes, SizeIs(2));
  EXPECT_EQ((*outcomes)[1].host(), "web2");
  EXPECT_THAT(last().body, HasSubstr("\"all\":true"));
}

TEST_F(GatewayProxyTest, AnErrorAtTheEndOfAStreamIsItsError) {
  Answer("POST", "/v1/services/nginx:pull",
         {.body = "{\"outcome\":{\"host\":\"web1\",\"number\":1}}\n"
                  "{\"error\":{\"detail\":\"stopping\",\"reason\":\"SERVER_STOPPING\"}}\n"});
  v1::PullServicesRequest request;
  request.set_service("nginx");
  int seen = 0;
  const auto outcomes = Planner().Pull(request, [&](const v1::HostOutcome&) { ++seen; });
  EXPECT_TRUE(HasReason(outcomes.status(), Reason::kServerStopping)) << outcomes.status();
  EXPECT_EQ(seen, 1);
}

TEST_F(GatewayProxyTest, AWatchIsSeenAsItHappensAndEndsWithTheClient) {
  std::unique_ptr<HttpExchange> open;
  Mutex mutex;
  Route({.method = "GET",
         .path = "/v1/hosts:watch",
         .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           exchange->Start({});
           EXPECT_TRUE(exchange->Write("{\"host\":{\"host\":\"web1\"}}\n").ok());
           MutexLock lock(mutex);
           open = std::move(exchange);  // it does not end by itself
         }});
  std::string seen;
  const absl::Status watched = Planner().WatchFleet({}, [&](const v1::WatchFleetResponse& update) {
    seen = update.host().host();
    return false;
  });
  EXPECT_TRUE(watched.ok()) << watched;
  EXPECT_EQ(seen, "web1");
  MutexLock lock(mutex);
  open = nullptr;
}

TEST_F(GatewayProxyTest, AProblemIsTheErrorOfTheCall) {
  Answer("GET", "/v1/hosts/{host}",
         {.status = 403, .body = R"({"detail":"no","reason":"PERMISSION_DENIED"})"});
  EXPECT_TRUE(HasReason(Planner().GetHost("web1").status(), Reason::kPermissionDenied));
}

TEST_F(GatewayProxyTest, AGatewayThatIsNotThereIsUnreachable) {
  PlannerClient planner = Planner();
  server_.reset();
  const absl::Status error = planner.GetHost("web1").status();
  EXPECT_TRUE(IsUnreachable(error)) << error;
  EXPECT_THAT(std::string(error.message()), HasSubstr("cannot reach the gateway"));
}

TEST_F(GatewayProxyTest, AnswersOfAnotherServerAreRefused) {
  Answer("GET", "/v1/hosts/{host}", {.body = "<html>"});
  EXPECT_THAT(std::string(Planner().GetHost("web1").status().message()),
              HasSubstr("of another server"));
}

TEST_F(GatewayProxyTest, TheTimeLimitOfTheCallCounts) {
  std::unique_ptr<HttpExchange> open;
  Mutex mutex;
  Route({.method = "GET",
         .path = "/v1/hosts/{host}",
         .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           MutexLock lock(mutex);
           open = std::move(exchange);  // it is not answered
         }});
  EXPECT_TRUE(absl::IsDeadlineExceeded(Planner(absl::Milliseconds(300)).GetHost("web1").status()));
  MutexLock lock(mutex);
  open = nullptr;
}

}  // namespace
}  // namespace gitops::ctl
