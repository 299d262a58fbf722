#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "common/http/test_certificates.h"
#include "common/http/testing_server.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string MakeDirectory(const std::string& name) {
  const std::string path = absl::StrCat(::testing::TempDir(), name);
  std::filesystem::create_directories(path);
  return path;
}

class ServerTlsTest : public TestingServer {
 protected:
  static void SetUpTestSuite() {
    ours_ = new TestCertificates(MakeDirectory("ours"));
    others_ = new TestCertificates(MakeDirectory("others"));
  }

  ServerTlsTest() {
    Use(*ours_);
    options_.tls_certificate = directory_ + "/tls.crt";
    options_.tls_key = directory_ + "/tls.key";
    options_.event_threads = 2;
    Route({.method = "POST",
           .path = "/echo",
           .handler = RespondWith([](const HttpServerRequest& request) -> HttpServerResponse {
             return {.status = 200, .body = request.body};
           }),
           .max_body = 4 << 20});
    Route(
        {.method = "GET", .path = "/stream", .handler = [](std::unique_ptr<HttpExchange> exchange) {
           exchange->Start({.status = 200});
           for (int i = 0; i < 100; ++i) {
             exchange->Write(std::string(1000, 'x'), absl::ZeroDuration()).IgnoreError();
           }
           exchange->Finish();
         }});
  }

  // Replaces the server's files, as a certificate manager does.
  void Use(const TestCertificates& certificates) {
    for (const auto& [from, to] : {std::pair(certificates.server_certificate, "tls.crt"),
                                   std::pair(certificates.server_key, "tls.key")}) {
      std::filesystem::copy_file(from, directory_ + "/new",
                                 std::filesystem::copy_options::overwrite_existing);
      std::filesystem::rename(directory_ + "/new", absl::StrCat(directory_, "/", to));
    }
  }

  absl::StatusOr<HttpResponse> Do(const std::string& method, const std::string& path,
                                  const std::string& body = "",
                                  const TestCertificates* trusted = ours_,
                                  size_t max_body = 8 << 20) {
    HttpRequest request;
    request.method = method;
    request.url = absl::StrCat("https://", address(), path);
    request.body = body;
    request.ca_file = trusted->ca_file;
    request.max_body = max_body;
    return client_->Do(request);
  }

  static TestCertificates* ours_;
  static TestCertificates* others_;
  const std::string directory_ = MakeDirectory("served");
  const std::unique_ptr<HttpClient> client_ = NewHttpClient();
};

TestCertificates* ServerTlsTest::ours_ = nullptr;
TestCertificates* ServerTlsTest::others_ = nullptr;

TEST_F(ServerTlsTest, RequestsAndStreamsPassThroughIt) {
  Start();
  const std::string body(3 << 20, 'b');
  const auto echoed = Do("POST", "/echo", body);
  ASSERT_TRUE(echoed.ok()) << echoed.status();
  EXPECT_EQ(echoed->body, body);
  const auto streamed = Do("GET", "/stream");
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_EQ(streamed->body.size(), 100'000);
  EXPECT_EQ(Do("GET", "/nothing")->status, 404);
}

TEST_F(ServerTlsTest, ABodyThatIsTooLargeGetsItsAnswer) {
  Start();
  const auto refused = Do("POST", "/echo", std::string(5 << 20, 'b'));
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->status, 413);
}

// A write to a socket whose other end is closed must not raise SIGPIPE.
TEST_F(ServerTlsTest, AClientThatLeavesDuringItsAnswerEndsOnlyItsConnection) {
  Start();
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Do("POST", "/echo", std::string(3 << 20, 'b'), ours_, 1000).ok());
  }
  EXPECT_EQ(Do("POST", "/echo", "hello")->body, "hello");
}

TEST_F(ServerTlsTest, ManyClientsAreServedSideBySide) {
  Start();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) {
        const auto answer = Do("POST", "/echo", "hello");
        good += answer.ok() && answer->body == "hello";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

TEST_F(ServerTlsTest, ARotatedCertificateIsTakenUp) {
  Start();
  ASSERT_TRUE(Do("GET", "/stream").ok());
  ASSERT_FALSE(Do("GET", "/stream", "", others_).ok());
  Use(*others_);
  EXPECT_TRUE(Eventually([&] { return Do("GET", "/stream", "", others_).ok(); }));
  EXPECT_FALSE(Do("GET", "/stream").ok());
}

TEST_F(ServerTlsTest, ABadCertificateLeavesTheOldOneInUse) {
  Start();
  std::filesystem::resize_file(directory_ + "/tls.crt", 10);
  // Until the server has seen it, and beyond.
  const absl::Time end = absl::Now() + absl::Milliseconds(1500);
  while (absl::Now() < end) ASSERT_TRUE(Do("GET", "/stream").ok());
}

TEST_F(ServerTlsTest, AHandshakeThatTakesTooLongEndsTheConnection) {
  options_.read_timeout = absl::Milliseconds(100);
  Start();
  RawClient silent(address());
  EXPECT_TRUE(silent.WaitForClose(absl::Seconds(20)));
  RawClient slow(address());
  slow.Send("\x16\x03\x01");
  EXPECT_TRUE(slow.WaitForClose(absl::Seconds(20)));
}

// A reset would let the client lose the alert that says why.
TEST_F(ServerTlsTest, AFailedHandshakeEndsWithAnAlertAndWithoutAReset) {
  Start();
  RawClient client(address());
  const std::string no_hello =
      absl::StrCat(absl::string_view("\x16\x03\x01\x00\x40", 5), std::string(64, 'x'));
  ASSERT_TRUE(client.Send(no_hello + std::string(1000, 'x')));
  EXPECT_THAT(client.ReadAll(), StartsWith("\x15\x03")) << "an alert";
  EXPECT_TRUE(client.Send("x")) << "the server still reads";
}

TEST_F(ServerTlsTest, PlainTextIsNotAnswered) {
  Start();
  EXPECT_THAT(Ask("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"), Not(HasSubstr("HTTP/1.1")));
}

TEST_F(ServerTlsTest, AStopEndsConnectionsInTheHandshake) {
  Start();
  RawClient silent(address());
  ASSERT_TRUE(Do("GET", "/stream").ok());
  server_->Stop(absl::Seconds(20));
  EXPECT_TRUE(silent.WaitForClose(absl::Seconds(20)));
}

TEST_F(ServerTlsTest, FilesThatCannotBeUsedAreNamed) {
  options_.tls_certificate = "/no/such/tls.crt";
  EXPECT_THAT(std::string(HttpServer::Start(options_).status().message()),
              HasSubstr("/no/such/tls.crt"));
  options_.tls_certificate = others_->server_certificate;
  options_.tls_key = ours_->server_key;
  const absl::Status mismatch = HttpServer::Start(options_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(mismatch));
  EXPECT_THAT(std::string(mismatch.message()), HasSubstr("key values mismatch"));
}

}  // namespace
}  // namespace gitops
