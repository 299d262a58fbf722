// Streaming answers of the HTTP server, and its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/http/raw_client.h"
#include "common/http/server.h"
#include "common/http/testing_server.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kEvents[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr char kGet[] = "GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

// Hands exchanges of /events to the test.
class HttpStreamTest : public TestingServer {
 protected:
  HttpStreamTest() {
    Route({.method = "GET", .path = "/ok", .handler = RespondWith([](const HttpServerRequest&) {
                                             return HttpServerResponse{.body = "ok"};
                                           })});
    Route({.method = "GET", .path = "/events", .handler = [this](std::unique_ptr<HttpExchange> e) {
             e->OnCancel([this] {
               MutexLock lock(mutex_);
               cancelled_ = true;
               changed_.NotifyAll();
             });
             MutexLock lock(mutex_);
             exchange_ = std::move(e);
             changed_.NotifyAll();
           }});
  }
  ~HttpStreamTest() override { server_.reset(); }

  std::unique_ptr<HttpExchange> Accept() {
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (exchange_ == nullptr && changed_.WaitUntil(mutex_, deadline)) {
    }
    return std::move(exchange_);
  }

  std::unique_ptr<HttpExchange> AcceptStream() {
    std::unique_ptr<HttpExchange> exchange = Accept();
    exchange->Start({.content_type = "text/event-stream"});
    return exchange;
  }

  bool WaitForCancel() {
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!cancelled_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    return cancelled_;
  }

  bool cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

  // The first Write that fails; OK: none did within 20 s.
  static absl::Status WriteUntilRefused(HttpExchange& stream, const std::string& data,
                                        absl::Duration patience = absl::Seconds(20)) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    absl::Status status;
    while (status.ok() && absl::Now() < deadline) status = stream.Write(data, patience);
    return status;
  }

  Mutex mutex_;
  CondVar changed_;
  std::unique_ptr<HttpExchange> exchange_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(HttpStreamTest, EachPieceArrivesWhenItIsWritten) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto stream = AcceptStream();
  const std::string head = client.ReadUntil("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Write(absl::StrCat("data: ", i, "\n\n")).ok());
    EXPECT_EQ(client.ReadUntil("\n\n\r\n"), absl::StrCat("9\r\ndata: ", i, "\n\n\r\n"));
  }
  stream->Finish();
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "0\r\n\r\n");
  client.Send(kGet);
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\nok")) << "the connection can be used again";
}

TEST_F(HttpStreamTest, RequestsThatCameMeanwhileAreAnsweredAfterTheStream) {
  Start();
  RawClient client(address());
  client.Send(absl::StrCat(kEvents, kGet));
  const auto stream = AcceptStream();
  EXPECT_TRUE(stream->Write("a").ok());
  stream->Finish();
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\nok"));
}

TEST_F(HttpStreamTest, AnOldClientGetsTheStreamWithoutChunks) {
  Start();
  RawClient client(address());
  client.Send("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto stream = AcceptStream();
  EXPECT_TRUE(stream->Write("abc").ok());
  stream->Finish();
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, EndsWith("\r\n\r\nabc"));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
}

TEST_F(HttpStreamTest, HeadOfAStreamEndsIt) {
  Start();
  RawClient client(address());
  client.Send("HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n");
  client.Send(kGet);
  const auto stream = AcceptStream();
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\nok"));
  EXPECT_TRUE(absl::IsCancelled(WriteUntilRefused(*stream, "x")));
}

TEST_F(HttpStreamTest, AStreamThatIsDroppedLooksCutOff) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  auto stream = AcceptStream();
  EXPECT_TRUE(stream->Write("abc").ok());
  stream.reset();
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\n3\r\nabc\r\n")) << "no last chunk";
}

TEST_F(HttpStreamTest, AClientThatLeavesIsNoticedWithoutAWrite) {
  for (const bool reset : {false, true}) {
    Start();
    RawClient client(address());
    client.Send(kEvents);
    const auto stream = AcceptStream();
    client.ReadUntil("\r\n\r\n");
    EXPECT_FALSE(cancelled());
    if (reset) {
      client.Reset();
    } else {
      client.CloseSending();
    }
    EXPECT_TRUE(WaitForCancel());
    EXPECT_TRUE(absl::IsCancelled(WriteUntilRefused(*stream, "x")));
    MutexLock lock(mutex_);
    cancelled_ = false;
  }
}

TEST_F(HttpStreamTest, AClientThatLeavesBeforeItsAnswerIsNoticed) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto exchange = Accept();
  client.Reset();
  EXPECT_TRUE(WaitForCancel());
  exchange->Respond({.body = "too late"});
  EXPECT_THAT(Ask(kGet), EndsWith("ok"));
}

TEST_F(HttpStreamTest, AFinishedAnswerIsNotCancelled) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  Accept()->Respond({.body = "done"});
  EXPECT_THAT(client.ReadAnswer(), EndsWith("done"));
  client.Send(kEvents);
  const auto stream = AcceptStream();
  stream->Finish();
  client.ReadUntil("0\r\n\r\n");
  client.Send(kGet);
  EXPECT_THAT(client.ReadAll(), EndsWith("ok")) << "both exchanges are over";
  EXPECT_FALSE(cancelled());
}

TEST_F(HttpStreamTest, ACallbackThatComesLateIsCalledAtOnce) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto exchange = Accept();
  client.Reset();
  ASSERT_TRUE(WaitForCancel());
  bool called = false;
  exchange->OnCancel([&] { called = true; });
  EXPECT_TRUE(called);
}

TEST_F(HttpStreamTest, ASlowClientIsReportedAndWhatWaitsForItIsBounded) {
  options_.stream_buffer = 64 << 10;
  Start();
  RawClient client(address(), /*receive_buffer=*/4096);
  client.Send(kEvents);
  const auto stream = AcceptStream();
  const std::string piece(16 << 10, 'x');
  EXPECT_EQ(WriteUntilRefused(*stream, piece, absl::Milliseconds(100)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(stream->Write(piece).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(cancelled()) << "it may still catch up";
  client.ReadUntil(std::string(1 << 10, 'x'));
  stream->Finish();
  EXPECT_THAT(client.ReadUntil("\r\n0\r\n\r\n"), EndsWith("x\r\n0\r\n\r\n"));
}

TEST_F(HttpStreamTest, AWriterMayWaitForRoom) {
  options_.stream_buffer = 64 << 10;
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto stream = AcceptStream();
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(stream->Write(std::string(16 << 10, 'x'), absl::Seconds(20)).ok());
    }
    stream->Finish();
  });
  client.ReadUntil("\r\n\r\n");
  const std::string all = client.ReadUntil("\r\n0\r\n\r\n");
  writer.join();
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'), 1000 * (16 << 10));
}

TEST_F(HttpStreamTest, AClientThatTakesNothingForTooLongIsDropped) {
  options_.write_timeout = absl::Milliseconds(200);
  Start();
  RawClient client(address(), /*receive_buffer=*/4096);
  client.Send(kEvents);
  const auto stream = AcceptStream();
  EXPECT_TRUE(absl::IsCancelled(WriteUntilRefused(*stream, std::string(64 << 10, 'x'))));
  EXPECT_TRUE(WaitForCancel());
}

TEST_F(HttpStreamTest, AQuietStreamIsNotTimedOut) {
  options_.write_timeout = options_.read_timeout = options_.idle_timeout = absl::Milliseconds(50);
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto stream = AcceptStream();
  client.ReadUntil("\r\n\r\n");
  EXPECT_FALSE(client.WaitForClose(absl::Milliseconds(300)));
  EXPECT_TRUE(stream->Write("abc").ok());
  EXPECT_EQ(client.ReadUntil("abc\r\n"), "3\r\nabc\r\n");
}

TEST_F(HttpStreamTest, StopLetsAStreamSayGoodbye) {
  Start();
  RawClient client(address()), idle(address());
  client.Send(kEvents);
  const auto stream = AcceptStream();
  client.ReadUntil("\r\n\r\n");
  std::thread writer([&] {
    ASSERT_TRUE(WaitForCancel());
    EXPECT_TRUE(stream->Write("bye").ok());
    stream->Finish();
  });
  const absl::Time begin = absl::Now();
  server_->Stop(absl::Seconds(20));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  writer.join();
  EXPECT_EQ(client.ReadAll(), "3\r\nbye\r\n0\r\n\r\n");
  EXPECT_THAT(idle.ReadAll(), IsEmpty());
  EXPECT_FALSE(RawClient(address()).connected());
}

TEST_F(HttpStreamTest, StopIsBoundedWhateverStreamsDo) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto stream = AcceptStream();
  client.ReadUntil("\r\n\r\n");
  const absl::Time begin = absl::Now();
  server_->Stop(absl::Milliseconds(100));
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(100));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  EXPECT_TRUE(absl::IsCancelled(stream->Write("x")));
  EXPECT_THAT(client.ReadAll(), IsEmpty());
}

TEST_F(HttpStreamTest, StopGivesRequestsUnderWayTimeToEnd) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  auto exchange = Accept();
  std::thread stop([&] { server_->Stop(absl::Seconds(20)); });
  // It is stopping once it takes no connections any more.
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (RawClient(address()).connected() && absl::Now() < deadline) {
  }
  EXPECT_FALSE(cancelled());
  exchange->Respond({.body = "done"});
  stop.join();
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, EndsWith("\r\n\r\ndone"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpStreamTest, AnExchangeMayOutliveItsServer) {
  Start();
  RawClient client(address());
  client.Send(kEvents);
  const auto exchange = Accept();
  server_.reset();
  EXPECT_TRUE(cancelled());
  EXPECT_EQ(exchange->request().path, "/events");
  exchange->Start({});
  EXPECT_TRUE(absl::IsCancelled(exchange->Write("x")));
}

TEST_F(HttpStreamTest, WorkThatWaitsForThePoolIsDroppedAtTheEnd) {
  Route({.method = "GET",
         .path = "/work",
         .handler =
             [this](std::unique_ptr<HttpExchange> exchange) {
               exchange->OnCancel([this] {
                 MutexLock lock(mutex_);
                 cancelled_ = true;
                 changed_.NotifyAll();
               });
               {
                 MutexLock lock(mutex_);
                 started_ = true;
                 changed_.NotifyAll();
               }
               WaitForCancel();
             },
         .in_pool = true});
  options_.pool_threads = 1;
  Start();
  RawClient running(address()), waiting(address());
  running.Send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting.Send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
  {
    MutexLock lock(mutex_);
    while (!started_) changed_.Wait(mutex_);
  }
  server_.reset();
  EXPECT_THAT(running.ReadAll(), IsEmpty());
  EXPECT_THAT(waiting.ReadAll(), IsEmpty());
}

}  // namespace
}  // namespace gitops
