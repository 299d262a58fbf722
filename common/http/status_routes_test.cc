#include "common/http/status_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/http/raw_client.h"
#include "common/http/testing_server.h"

namespace gitops {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class StatusRoutesTest : public TestingServer {
 protected:
  StatusRoutesTest() {
    options_ = StatusServerOptions(
        "127.0.0.1:0", {.metrics_text = [] { return "up 1\n"; },
                        .healthy = nullptr,
                        .ready = [] { return absl::UnavailableError("no revision yet"); }});
  }

  std::string Get(const std::string& path, const std::string& method = "GET") {
    return Ask(
        absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  }
};

TEST_F(StatusRoutesTest, MetricsComeInTheExpositionFormat) {
  Start();
  const std::string answer = Get("/metrics?name[]=up");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nup 1\n"));
}

TEST_F(StatusRoutesTest, HealthAndReadinessSayWhy) {
  Start();
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Get("/readyz"), EndsWith("\r\n\r\nno revision yet"));
}

TEST_F(StatusRoutesTest, NothingElseIsThere) {
  Start();
  for (const char* path : {"/", "/metrics/", "/metricsx", "/debug"}) {
    EXPECT_THAT(Get(path), StartsWith("HTTP/1.1 404 ")) << path;
  }
  EXPECT_THAT(Get("/metrics", "PUT"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Get("/metrics", "PUT"), HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(StatusRoutesTest, HundredsOfSlowHeadersDoNotStopTheHealthPage) {
  Start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 600; ++i) {
    slow.push_back(std::make_unique<RawClient>(address()));
    ASSERT_TRUE(slow.back()->connected()) << i;
    slow.back()->Send("GET /healthz HTTP/1.1\r\nX: ");
  }
  const absl::Time begin = absl::Now();
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

TEST_F(StatusRoutesTest, ClientsThatReadNothingDoNotStopTheHealthPage) {
  options_ =
      StatusServerOptions("127.0.0.1:0", {.metrics_text = [] { return std::string(8 << 20, 'x'); },
                                          .healthy = nullptr,
                                          .ready = nullptr});
  options_.max_connections = 8;
  Start();
  std::vector<std::unique_ptr<RawClient>> greedy;
  for (int i = 0; i < 12; ++i) {
    greedy.push_back(std::make_unique<RawClient>(address(), /*receive_buffer=*/4096));
    greedy.back()->Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  const absl::Time begin = absl::Now();
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

}  // namespace
}  // namespace gitops
