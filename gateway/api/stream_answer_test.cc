#include "gateway/api/stream_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "common/clock/fake_clock.h"
#include "common/http/testing_server.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(WantsEventsTest, OnlyIfTheClientAcceptsThem) {
  HttpServerRequest request;
  EXPECT_FALSE(WantsEvents(request));
  request.headers = {{"Accept", "application/json"}};
  EXPECT_FALSE(WantsEvents(request));
  request.headers = {{"accept", "application/json, text/event-stream;q=0.9"}};
  EXPECT_TRUE(WantsEvents(request));
}

class HeartbeatsTest : public TestingServer {
 protected:
  ~HeartbeatsTest() override { server_.reset(); }

  FakeClock clock_;
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(&clock_, 1);
  Heartbeats heartbeats_{scheduler_.get(), &clock_};
  std::promise<std::shared_ptr<StreamAnswer>> answer_;
};

TEST_F(HeartbeatsTest, AnIdleStreamGetsAComment) {
  Route({.method = "GET", .path = "/", .handler = [this](std::unique_ptr<HttpExchange> exchange) {
           const auto answer = std::make_shared<StreamAnswer>(std::move(exchange), /*events=*/true);
           heartbeats_.Add(answer);
           answer->Start();
           answer_.set_value(answer);
         }});
  Start();
  RawClient client(address());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ReadUntil("\r\n\r\n");
  ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now()));
  clock_.Advance(absl::Seconds(15));
  EXPECT_THAT(client.ReadUntil("\n\n"), HasSubstr(": heartbeat\n\n"));
  answer_.get_future().get()->End();
}

}  // namespace
}  // namespace gitops
