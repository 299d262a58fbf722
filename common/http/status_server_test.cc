#include "common/http/status_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

using std::chrono::steady_clock;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A client that says exactly what it is told, byte by byte if need be. Waits 20 s at most.
class RawClient {
 public:
  explicit RawClient(const std::string& address) {
    const Address where = *ParseAddress(address);
    fd_ = socket(where.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (where.is_unix()) {
      sockaddr_un target{};
      target.sun_family = AF_UNIX;
      std::strcpy(target.sun_path, where.unix_path.c_str());
      connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&target), sizeof(target)) == 0;
      return;
    }
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons(where.port);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&target), sizeof(target)) == 0;
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  // False when the server has closed.
  bool Send(const std::string& text) {
    return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  // All until the server closes; `timed_out` if it did not.
  std::string ReadAll() {
    char buffer[4096];
    ssize_t size;
    while ((size = recv(fd_, buffer, sizeof(buffer), 0)) > 0) pending_.append(buffer, size);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) pending_ += "timed_out";
    return std::exchange(pending_, "");
  }

  // One answer with its body, by its Content-Length.
  std::string ReadAnswer() {
    char buffer[4096];
    while (true) {
      const size_t head = pending_.find("\r\n\r\n");
      const size_t length_at = pending_.find("Content-Length: ");
      if (head != std::string::npos && length_at < head) {
        const size_t end = head + 4 + std::stoul(pending_.substr(length_at + 16));
        if (pending_.size() >= end) {
          std::string answer = pending_.substr(0, end);
          pending_.erase(0, end);
          return answer;
        }
      }
      const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
      if (size <= 0) return absl::StrCat("closed after: ", pending_);
      pending_.append(buffer, size);
    }
  }

  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  bool connected_ = false;
  std::string pending_;
};

class StatusServerTest : public ::testing::Test {
 protected:
  StatusServerTest() {
    options_.listen = "127.0.0.1:0";
    options_.metrics_text = [this] { return metrics_; };
    options_.ready = [] { return absl::UnavailableError("no revision yet"); };
    options_.client_timeout = absl::Milliseconds(300);
  }

  void Start() {
    absl::StatusOr<std::unique_ptr<StatusServer>> server = StatusServer::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // What comes back on a connection of its own.
  std::string Ask(const std::string& request) {
    RawClient client(server_->address());
    client.Send(request);
    return client.ReadAll();
  }
  std::string Get(const std::string& path) {
    return Ask(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  }

  std::string metrics_ = "up 1\n";
  StatusServerOptions options_;
  std::unique_ptr<StatusServer> server_;
};

TEST_F(StatusServerTest, MetricsComeInTheExpositionFormat) {
  Start();
  const std::string answer = Get("/metrics?name[]=up");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nup 1\n"));
}

TEST_F(StatusServerTest, HealthAndReadinessSayWhy) {
  Start();
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(Get("/readyz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Get("/readyz"), EndsWith("\r\n\r\nno revision yet"));
}

TEST_F(StatusServerTest, HeadIsGetWithoutTheBody) {
  Start();
  const std::string answer = Ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(StatusServerTest, WrongRequestsAreTold) {
  Start();
  struct Case {
    std::string request, answer;
  };
  const std::string rest = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  for (const Case& c : {
           Case{"GET /" + rest + "\r\n", "404 Not Found"},
           Case{"GET /metrics/" + rest + "\r\n", "404 Not Found"},
           Case{"GET /metricsx" + rest + "\r\n", "404 Not Found"},
           Case{"POST /nowhere" + rest + "\r\n", "404 Not Found"},
           Case{"POST /metrics" + rest + "Content-Length: 0\r\n\r\n", "405 Method Not Allowed"},
           Case{"DELETE /healthz" + rest + "\r\n", "405 Method Not Allowed"},
           Case{"BREW /metrics" + rest + "\r\n", "405 Method Not Allowed"},
           Case{"POST /metrics" + rest + "Content-Length: 99999999\r\n\r\nbody",
                "405 Method Not Allowed"},
           Case{"GET /metrics" + rest + "Content-Length: 4\r\n\r\nbody", "413 Payload Too Large"},
           Case{"GET /metrics" + rest + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
                "413 Payload Too Large"},
           Case{"GET /metrics HTTP/9.9\r\n\r\n", "400 Bad Request"},
           Case{"\x16\x03\x01 not HTTP\r\n\r\n", "400 Bad Request"},
       }) {
    EXPECT_THAT(Ask(c.request), StartsWith("HTTP/1.1 " + c.answer)) << c.request;
  }
  EXPECT_THAT(Ask("PUT /metrics" + rest + "\r\n"), HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(StatusServerTest, RequestOverTheLimitIsRefusedBeforeItEnds) {
  Start();
  EXPECT_THAT(Ask("GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'x')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("GET /" + std::string(9000, 'x')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Ask("GET /metrics HTTP/1.1\r\nConnection: close\r\nX: " + std::string(7000, 'x') +
                  "\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(StatusServerTest, ConnectionServesOneRequestAfterTheOther) {
  Start();
  RawClient client(server_->address());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(client.ReadAnswer(), EndsWith("ok")) << i;
  }
}

TEST_F(StatusServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  RawClient client(server_->address());
  ASSERT_TRUE(
      client.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
                  "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
                  "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string all = client.ReadAll();
  const size_t metrics = all.find("up 1\n");
  ASSERT_NE(metrics, std::string::npos) << all;
  EXPECT_THAT(all.substr(metrics), Not(HasSubstr("timed_out")));
  EXPECT_THAT(all.substr(metrics + 5), AllOf(HasSubstr("Content-Length: 5"), EndsWith("ok")));
}

TEST_F(StatusServerTest, OldHttpIsAnsweredAndClosed) {
  Start();
  EXPECT_THAT(Ask("GET /healthz HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nok"));
}

TEST_F(StatusServerTest, SilentAndDribblingClientsAreDroppedWhileOthersAreServed) {
  Start();
  RawClient silent(server_->address());
  RawClient dribbling(server_->address());
  ASSERT_TRUE(dribbling.Send("GET /metrics HTTP/1.1\r\n"));
  const auto begin = steady_clock::now();
  EXPECT_THAT(Get("/metrics"), EndsWith("up 1\n"));
  // Each byte comes in time; the request as a whole does not.
  int sent = 0;
  char byte;
  while (recv(dribbling.fd(), &byte, 1, MSG_DONTWAIT) < 0 &&
         steady_clock::now() - begin < std::chrono::seconds(20)) {
    if (dribbling.Send("x")) ++sent;
    EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
  }
  EXPECT_GT(sent, 0);
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(250));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_THAT(silent.ReadAll(), IsEmpty());
}

TEST_F(StatusServerTest, ClientThatDoesNotReadItsAnswerIsDropped) {
  metrics_.assign(64 << 20, 'x');
  Start();
  RawClient greedy(server_->address());
  ASSERT_TRUE(greedy.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  char byte;
  ASSERT_EQ(recv(greedy.fd(), &byte, 1, MSG_PEEK), 1);
  // Only when the server has given up does its side refuse what we send.
  const auto begin = steady_clock::now();
  while (greedy.Send("x") && steady_clock::now() - begin < std::chrono::seconds(20)) {
    EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
  }
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(StatusServerTest, ClientThatLeavesDuringItsAnswerHarmsNobody) {
  metrics_.assign(8 << 20, 'x');
  Start();
  for (int i = 0; i < 10; ++i) {
    RawClient client(server_->address());
    client.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    char byte;
    recv(client.fd(), &byte, 1, 0);
  }  // closed with unread data: a reset, and SIGPIPE for who writes on
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
}

TEST_F(StatusServerTest, ConnectionsBeyondTheLimitAreClosedAndTheFirstOnesServed) {
  options_.client_timeout = absl::Seconds(60);
  Start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 256; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->address()));
    ASSERT_TRUE(clients.back()->connected()) << i;
    // Answered, so it is accepted and counted.
    clients.back()->Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_THAT(clients.back()->ReadAnswer(), EndsWith("ok")) << i;
  }
  EXPECT_THAT(RawClient(server_->address()).ReadAll(), IsEmpty());
  clients[7]->Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(clients[7]->ReadAnswer(), EndsWith("ok"));
  clients.resize(200);  // gives places back
  const auto begin = steady_clock::now();
  while (!absl::EndsWith(Get("/healthz"), "ok")) {
    ASSERT_LT(steady_clock::now() - begin, std::chrono::seconds(20));
  }
}

TEST_F(StatusServerTest, FunctionThatThrowsIsAnErrorOfItsPageOnly) {
  options_.metrics_text = []() -> std::string { throw std::runtime_error("secret"); };
  Start();
  EXPECT_THAT(Get("/metrics"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(Get("/metrics"), Not(HasSubstr("secret")));
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
}

TEST_F(StatusServerTest, StopsAtOnceWithConnectionsOpen) {
  options_.client_timeout = absl::Seconds(60);
  Start();
  RawClient silent(server_->address());
  ASSERT_THAT(Get("/healthz"), EndsWith("ok"));
  const auto begin = steady_clock::now();
  server_.reset();
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_THAT(silent.ReadAll(), IsEmpty());
}

TEST_F(StatusServerTest, BusyPortIsAnErrorThatNamesIt) {
  Start();
  options_.listen = server_->address();
  const absl::Status status = StatusServer::Start(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(server_->address()));
  EXPECT_THAT(std::string(status.message()), HasSubstr("Address already in use"));
}

TEST_F(StatusServerTest, BadAddressesAreRefused) {
  options_.listen = "9222";
  EXPECT_EQ(StatusServer::Start(options_).status().code(), absl::StatusCode::kInvalidArgument);
  options_.listen = "192.0.2.1:0";  // no address of this machine
  EXPECT_EQ(StatusServer::Start(options_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(StatusServerTest, EveryInterfaceIsDialledOnLoopback) {
  for (const char* listen : {":0", "0.0.0.0:0", "localhost:0"}) {
    options_.listen = listen;
    Start();
    EXPECT_THAT(server_->address(), StartsWith("127.0.0.1:"));
    EXPECT_THAT(Get("/healthz"), EndsWith("ok")) << listen;
  }
}

TEST_F(StatusServerTest, UnixSocketIsServedAndRemoved) {
  const std::string path = absl::StrCat("/tmp/gitops_status_", getpid());
  options_.listen = "unix:" + path;
  Start();
  EXPECT_EQ(server_->address(), "unix:" + path);
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
  EXPECT_EQ(StatusServer::Start(options_).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
  server_.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace gitops
