// What hostile, broken, slow and too many clients get from the HTTP server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/http/raw_client.h"
#include "common/http/server.h"
#include "common/http/testing_server.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kPost[] = "POST /echo HTTP/1.1\r\nHost: x\r\n";
constexpr char kGet[] = "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n";

class HttpServerLimitsTest : public TestingServer {
 protected:
  HttpServerLimitsTest() {
    Route({.method = "GET", .path = "/ok", .handler = RespondWith([](const HttpServerRequest&) {
                                             return HttpServerResponse{.body = "ok"};
                                           })});
    Route({.method = "POST",
           .path = "/echo",
           .handler = RespondWith(
               [](const HttpServerRequest& r) { return HttpServerResponse{.body = r.body}; }),
           .max_body = 1000});
    Route({.method = "GET", .path = "/large", .handler = RespondWith([](const HttpServerRequest&) {
                                                return HttpServerResponse{
                                                    .body = std::string(64 << 20, 'x')};
                                              })});
  }

  bool Serves() {
    RawClient client(address());
    client.Send(kGet);
    return absl::EndsWith(client.ReadAnswer(), "ok");
  }
};

TEST_F(HttpServerLimitsTest, WhatTwoServersCouldReadDifferentlyIsRefusedAndTheConnectionClosed) {
  Start();
  const std::string smuggled = "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const std::string& headers : {
           "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
           "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
           "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
           "Content-Length: 4, 4\r\n\r\nbody",
           "Content-Length: +4\r\n\r\nbody",
           "Content-Length: -1\r\n\r\nbody",
           "Content-Length: 0x4\r\n\r\nbody",
           "Content-Length: 99999999999999999999\r\n\r\nbody",
           "Content-Length : 4\r\n\r\nbody",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding:\x0b chunked\r\n\r\n0\r\n\r\n",
           "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
           "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
           "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
           "Transfer-Encoding: chunked\r\n\r\n4\r\nbodyXX0\r\n\r\n",
           "Transfer-Encoding: chunked\r\n\r\n4\nbody\n0\n\n",
           "Host: y\r\n\r\n",
           "X: a\r\n b\r\n\r\n",
           "Content-Length:\r\n\t4\r\n\r\nbody",
           "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
           "X y\r\n\r\n",
           ": y\r\n\r\n",
       }) {
    const std::string answer = Ask(absl::StrCat(kPost, headers, smuggled));
    EXPECT_THAT(answer, AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 "))) << headers;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << headers;
    EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1 200"))) << headers;
  }
  for (const char* request : {
           "POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
           "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "GET /ok HTTP/9.9\r\nHost: x\r\n\r\n",
           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
           "\x16\x03\x01 not HTTP\r\n\r\n",
           "GET ok HTTP/1.1\r\nHost: x\r\n\r\n",
           "GET /ok HTTP/1.1\r\nHost: x y\r\n\r\n",
           "GET /ok HTTP/1.1\r\nHost: user@x\r\n\r\n",
           "GET http://user@y/ok HTTP/1.1\r\nHost: x\r\n\r\n",
           "GET http:///ok HTTP/1.1\r\nHost: x\r\n\r\n",
       }) {
    EXPECT_THAT(Ask(request), MatchesRegex("HTTP/1.[01] 400 Bad Request\r\n.*")) << request;
  }
  EXPECT_TRUE(Serves());
}

TEST_F(HttpServerLimitsTest, ALineThatIsContinuedIsRefusedHoweverItArrives) {
  Start();
  const std::string request = "GET /ok HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n";
  for (size_t cut = 1; cut < request.size(); ++cut) {
    RawClient client(address());
    client.Send(request.substr(0, cut));
    client.WaitForClose(absl::Milliseconds(2));  // so that the rest comes by itself
    client.Send(request.substr(cut));
    ASSERT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 400 ")) << cut;
  }
}

TEST_F(HttpServerLimitsTest, ABodyThatIsTooLargeIsRefusedBeforeItIsSent) {
  Start();
  RawClient client(address());
  client.Send(absl::StrCat(kPost, "Content-Length: 1001\r\n\r\n"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask(absl::StrCat(kPost, "Connection: close\r\nContent-Length: 1000\r\n\r\n",
                               std::string(1000, 'b'))),
              EndsWith("\r\n\r\n" + std::string(1000, 'b')));
  EXPECT_THAT(Ask("GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"),
              StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerLimitsTest, AChunkedBodyIsRefusedWhereItBecomesTooLarge) {
  Start();
  RawClient client(address());
  client.Send(absl::StrCat(kPost, "Transfer-Encoding: chunked\r\n\r\n"));
  client.Send("3e8\r\n" + std::string(1000, 'b') + "\r\n");
  client.Send("1\r\nb\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerLimitsTest, AClientThatSentTooMuchStillReadsWhy) {
  Start();
  EXPECT_THAT(
      Ask(absl::StrCat(kPost, "Content-Length: 8000000\r\n\r\n", std::string(8'000'000, 'b'))),
      StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerLimitsTest, ContinueIsSaidOnlyIfTheBodyWillBeRead) {
  Start();
  RawClient client(address());
  client.Send(absl::StrCat(kPost, "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("body");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("\r\n\r\nbody"));
  client.Send(absl::StrCat(kPost, "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask(absl::StrCat(kPost, "Expect: tea\r\nContent-Length: 4\r\n\r\n")),
              StartsWith("HTTP/1.1 417 "));
}

TEST_F(HttpServerLimitsTest, AHeaderThatIsTooLargeIsRefusedBeforeItEnds) {
  options_.max_header = 8 << 10;
  Start();
  EXPECT_THAT(Ask("GET /ok HTTP/1.1\r\nX: " + std::string(9000, 'x')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("GET /" + std::string(9000, 'x')), StartsWith("HTTP/1.1 431 "));
  std::string many = "GET /ok HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 3000; ++i) many += "a:\r\n";
  EXPECT_THAT(Ask(many), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " +
                  std::string(7000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerLimitsTest, ChunkExtensionsAndTrailersAreBounded) {
  Start();
  const std::string head = absl::StrCat(kPost, "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_THAT(Ask(head + "1;" + std::string(100'000, 'e')), StartsWith("HTTP/1.1 4"));
  EXPECT_THAT(Ask(head + "0\r\nX: " + std::string(100'000, 't')), StartsWith("HTTP/1.1 4"));
  // Lines that arrive whole, one by one.
  RawClient client(address());
  client.Send(head + "0\r\n");
  const std::string lines(4000, 'x');
  for (int i = 0; i < 10 && client.Send("X: " + lines + "\r\n"); ++i) {
    client.WaitForClose(absl::Milliseconds(20));
  }
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 4"));
}

TEST_F(HttpServerLimitsTest, ARequestThatDoesNotComeInTimeIsEnded) {
  options_.read_timeout = absl::Milliseconds(200);
  Start();
  RawClient header(address()), body(address());
  header.Send("GET /ok HTTP/1.1\r\n");
  body.Send(absl::StrCat(kPost, "Content-Length: 4\r\n\r\nbo"));
  // A byte now and then does not help.
  const absl::Time begin = absl::Now();
  while (!header.WaitForClose(absl::Milliseconds(10)) && absl::Now() - begin < absl::Seconds(20)) {
    header.Send("x");
    EXPECT_TRUE(Serves());
  }
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(190));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  EXPECT_THAT(body.ReadAll(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpServerLimitsTest, AnIdleConnectionIsClosedAndOneInUseIsNot) {
  options_.idle_timeout = absl::Milliseconds(400);
  Start();
  RawClient silent(address()), used(address());
  const absl::Time begin = absl::Now();
  bool closed = false;
  while (!closed && absl::Now() - begin < absl::Seconds(20)) {
    used.Send(kGet);
    ASSERT_THAT(used.ReadAnswer(), EndsWith("ok"));
    closed = silent.WaitForClose(absl::Milliseconds(10));
  }
  EXPECT_TRUE(closed);
  used.Send(kGet);
  EXPECT_THAT(used.ReadAnswer(), EndsWith("ok"));
}

TEST_F(HttpServerLimitsTest, AClientThatDoesNotReadItsAnswerIsDropped) {
  options_.write_timeout = absl::Milliseconds(300);
  Start();
  RawClient greedy(address());
  ASSERT_TRUE(greedy.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
  // What is sent to a connection that was closed with data in flight is refused in the end.
  const absl::Time begin = absl::Now();
  while (greedy.Send("x") && absl::Now() - begin < absl::Seconds(20)) EXPECT_TRUE(Serves());
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(HttpServerLimitsTest, ClientsThatLeaveDuringTheirAnswerHarmNobody) {
  Start();
  for (int i = 0; i < 10; ++i) {
    RawClient client(address());
    client.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    client.ReadUntil("xxx");
    client.Reset();
  }
  EXPECT_TRUE(Serves());
}

TEST_F(HttpServerLimitsTest, SlowClientsMakeRoomForNewOnes) {
  options_.max_connections = 10;
  Start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<RawClient>(address()));
    slow.back()->Send(i % 2 == 0 ? "GET /ok HTTP/1.1\r\n"
                                 : absl::StrCat(kPost, "Content-Length: 4\r\n\r\nbo"));
    EXPECT_TRUE(Serves()) << i;
  }
  EXPECT_THAT(slow[0]->ReadAll(), IsEmpty()) << "the oldest was closed";
}

TEST_F(HttpServerLimitsTest, RequestsUnderWayAreNotClosedForNewClients) {
  Mutex mutex;
  std::vector<std::unique_ptr<HttpExchange>> held;
  CondVar changed;
  Route({.method = "GET", .path = "/held", .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           MutexLock lock(mutex);
           held.push_back(std::move(exchange));
           changed.NotifyAll();
         }});
  options_.max_connections = 3;
  Start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(address()));
    clients.back()->Send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  {
    MutexLock lock(mutex);
    while (held.size() < 3) changed.Wait(mutex);
  }
  RawClient next(address());
  next.Send(kGet);
  EXPECT_FALSE(next.WaitForClose(absl::Milliseconds(100))) << "waits for its turn";
  for (auto& exchange : held) exchange->Respond({.body = "held"});
  for (auto& client : clients) EXPECT_THAT(client->ReadAnswer(), EndsWith("held"));
  EXPECT_THAT(next.ReadUntil("\r\n\r\nok"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerLimitsTest, AllBodiesTogetherAreBounded) {
  options_.max_bodies = 1500;
  Start();
  RawClient first(address());
  first.Send(absl::StrCat(kPost, "Expect: 100-continue\r\nContent-Length: 900\r\n\r\n"));
  first.ReadUntil("\r\n\r\n");
  const std::string answer = Ask(absl::StrCat(kPost, "Content-Length: 900\r\n\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  first.Send(std::string(900, 'b'));
  EXPECT_THAT(first.ReadAnswer(), EndsWith("b"));
  EXPECT_THAT(Ask(absl::StrCat(kPost, "Connection: close\r\nContent-Length: 900\r\n\r\n",
                               std::string(900, 'c'))),
              EndsWith("c"));
}

TEST_F(HttpServerLimitsTest, AFullPoolIsToldAndServesOnAfterwards) {
  Mutex mutex;
  CondVar changed;
  bool go = false;
  int running = 0;
  Route({.method = "GET",
         .path = "/work",
         .handler = RespondWith([&](const HttpServerRequest&) {
           MutexLock lock(mutex);
           ++running;
           changed.NotifyAll();
           while (!go) changed.Wait(mutex);
           return HttpServerResponse{.body = "worked"};
         }),
         .in_pool = true});
  options_.pool_threads = 1;
  options_.pool_queue = 1;
  Start();
  const std::string request = "GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  RawClient first(address());
  first.Send(request);
  {
    MutexLock lock(mutex);
    while (running < 1) changed.Wait(mutex);
  }
  // One of these two waits in the queue.
  RawClient second(address()), third(address());
  second.Send(request);
  third.Send(request);
  const bool second_refused = second.WaitForClose(absl::Milliseconds(300));
  {
    MutexLock lock(mutex);
    go = true;
    changed.NotifyAll();
  }
  EXPECT_THAT(first.ReadAll(), EndsWith("worked"));
  EXPECT_THAT((second_refused ? second : third).ReadAll(), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT((second_refused ? third : second).ReadAll(), EndsWith("worked"));
}

}  // namespace
}  // namespace gitops
