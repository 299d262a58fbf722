#include "common/http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/http/raw_server.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Request = RawConnection::Request;

class ClientTest : public ::testing::Test {
 protected:
  // A server that reads a request and then does `answer`.
  void Serve(std::function<void(RawConnection&)> answer) {
    server_ = RawServer::Start({.serve = [this, answer](RawConnection& connection) {
      Request request;
      if (!connection.Read(request)) return;
      {
        MutexLock lock(mutex_);
        last_ = std::move(request);
      }
      answer(connection);
    }});
    request_.url = absl::StrCat("http://127.0.0.1:", server_->port(), "/path?q=1");
  }
  void ServeText(const std::string& text) {
    Serve([text](RawConnection& connection) { connection.Send(text); });
  }

  absl::StatusOr<HttpResponse> Do() { return client_->Do(request_); }
  absl::Status Error() { return Do().status(); }

  const std::unique_ptr<HttpClient> client_ = NewHttpClient();
  HttpRequest request_;
  Mutex mutex_;   // redirects are served by several threads
  Request last_;  // read when the answer is here
  std::unique_ptr<RawServer> server_;
};

TEST_F(ClientTest, PostBringsBodyAndHeadersThereAndBack) {
  ServeText(HttpAnswer(200, "answer", "X-One: 1\r\nx-one:  2 \r\nX-Empty:\r\n"));
  request_.method = "POST";
  request_.body = std::string("a\0b", 3);
  request_.headers = {{"Content-Type", "application/json"}, {"X-Mine", "yes"}, {"X-None", ""}};
  const auto response = Do();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "answer");
  EXPECT_EQ(response->headers.at("x-one"), "2");
  EXPECT_EQ(response->headers.at("x-empty"), "");
  server_.reset();
  EXPECT_EQ(last_.method, "POST");
  EXPECT_EQ(last_.target, "/path?q=1");
  EXPECT_EQ(last_.body, request_.body);
  EXPECT_EQ(last_.headers.at("content-type"), "application/json");
  EXPECT_EQ(last_.headers.at("x-mine"), "yes");
  EXPECT_EQ(last_.headers.at("x-none"), "");
}

TEST_F(ClientTest, NothingIsSentThatNobodyAskedFor) {
  ServeText(HttpAnswer(200, ""));
  request_.method = "POST";
  request_.body = std::string(2 << 20, 'x');  // where curl would send Expect: 100-continue
  ASSERT_TRUE(Do().ok());
  server_.reset();
  EXPECT_EQ(last_.headers.count("expect"), 0);
  EXPECT_EQ(last_.headers.count("content-type"), 0);
  EXPECT_EQ(last_.body.size(), request_.body.size());
}

TEST_F(ClientTest, EveryMethodIsSentAsItIs) {
  for (const char* method : {"GET", "PUT", "DELETE", "PATCH", "POST"}) {
    ServeText(HttpAnswer(204, ""));
    request_.method = method;
    ASSERT_TRUE(Do().ok()) << method;
    server_.reset();
    EXPECT_EQ(last_.method, method);
  }
  // An answer to HEAD has no body, whatever it announces.
  ServeText("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  request_.method = "HEAD";
  EXPECT_TRUE(Do().ok());
}

TEST_F(ClientTest, AnyStatusIsAnAnswer) {
  for (const int status : {200, 204, 404, 500, 599}) {
    ServeText(HttpAnswer(status, status == 204 ? "" : "why"));
    const auto response = Do();
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, status);
  }
}

TEST_F(ClientTest, RedirectIsNotFollowed) {
  for (const int status : {301, 302, 303, 307, 308}) {
    Serve([&, status](RawConnection& connection) {
      connection.Send(HttpAnswer(status, "there", "Location: /else\r\n"));
    });
    const auto response = Do();
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->headers.at("location"), "/else");
    EXPECT_EQ(server_->connections(), 1);
  }
}

TEST_F(ClientTest, RedirectsAreFollowedWithTheHeadersAsOftenAsAllowed) {
  std::atomic<int> left = 3;
  Serve([&](RawConnection& connection) {
    if (left-- == 0) {
      connection.Send(HttpAnswer(200, "here"));
    } else {
      connection.Send(HttpAnswer(left % 2 == 0 ? 301 : 302, "there", "Location: /else?q=2\r\n"));
    }
  });
  request_.headers = {{"Accept", "application/json"}};
  request_.max_redirects = 3;
  const auto response = Do();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "here");
  EXPECT_EQ(response->headers.count("location"), 0);
  left = 4;
  const absl::Status status = Error();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("more than 3 times"));
  server_.reset();
  EXPECT_EQ(last_.target, "/else?q=2");
  EXPECT_EQ(last_.headers.at("accept"), "application/json");
}

TEST_F(ClientTest, LoginGoesToTheFirstHostAndPortOnly) {
  Request elsewhere;
  auto other = RawServer::Start({.serve = [&](RawConnection& connection) {
    if (connection.Read(elsewhere)) connection.Send(HttpAnswer(200, "stolen?"));
  }});
  const std::string target = absl::StrCat("http://127.0.0.1:", other->port(), "/x");
  Serve([&](RawConnection& connection) {
    connection.Send(HttpAnswer(302, "", absl::StrCat("Location: ", target, "\r\n")));
  });
  request_.max_redirects = 1;
  request_.user = "user";
  request_.password = Secret("hunter2");
  request_.headers = {{"Accept", "application/json"}};
  const auto response = Do();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "stolen?");
  server_.reset();
  other.reset();
  EXPECT_EQ(last_.headers.at("authorization"), "Basic dXNlcjpodW50ZXIy");
  EXPECT_EQ(elsewhere.headers.count("authorization"), 0);
  EXPECT_EQ(elsewhere.headers.at("accept"), "application/json");
}

TEST_F(ClientTest, LoginIsKeptOnARedirectWithinTheServer) {
  std::atomic<bool> redirected = false;
  Serve([&](RawConnection& connection) {
    const bool second = redirected.exchange(true);
    connection.Send(second ? HttpAnswer(200, "") : HttpAnswer(302, "", "Location: /build/1\r\n"));
  });
  request_.max_redirects = 1;
  request_.user = "user";
  request_.password = Secret("hunter2");
  ASSERT_TRUE(Do().ok());
  server_.reset();
  EXPECT_EQ(last_.target, "/build/1");
  EXPECT_EQ(last_.headers.at("authorization"), "Basic dXNlcjpodW50ZXIy");
}

TEST_F(ClientTest, RedirectToAnotherSchemeIsRefused) {
  ServeText(HttpAnswer(302, "", "Location: file:///etc/passwd\r\n"));
  request_.max_redirects = 5;
  const absl::Status status = Error();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("file:///etc/passwd"));
}

TEST_F(ClientTest, AConnectionIsReusedOnlyWhereTheRequestSaysSo) {
  server_ = RawServer::Start({.serve = [](RawConnection& connection) {
    Request request;
    while (connection.Read(request)) connection.Send(HttpAnswer(200, "again"));
  }});
  request_.url = absl::StrCat("http://127.0.0.1:", server_->port(), "/");
  request_.reuse_connection = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Do()->body, "again");
  EXPECT_EQ(server_->connections(), 1);
  request_.reuse_connection = false;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Do()->body, "again");
  EXPECT_EQ(server_->connections(), 3);
}

TEST_F(ClientTest, OnlyWhatMayBeRepeatedFollowsRedirectsOrReusesConnections) {
  ServeText(HttpAnswer(200, ""));
  request_.method = "POST";
  request_.reuse_connection = true;
  EXPECT_EQ(Error().code(), absl::StatusCode::kInvalidArgument);
  request_.reuse_connection = false;
  request_.max_redirects = 1;
  EXPECT_EQ(Error().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(ClientTest, InterimAnswerIsPassedOver) {
  ServeText("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HttpAnswer(200, "real"));
  const auto response = Do();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "real");
  EXPECT_EQ(response->headers.count("link"), 0);
}

TEST_F(ClientTest, ChunkedBodyAndBodyThatEndsWithTheConnectionAreWhole) {
  ServeText(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(Do()->body, "abcde");
  ServeText("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  EXPECT_EQ(Do()->body, "until the end");
}

TEST_F(ClientTest, FailuresHaveTheirCodes) {
  using Serving = std::function<void(RawConnection&)>;
  const auto text = [](std::string bytes) -> Serving {
    return [bytes](RawConnection& connection) { connection.Send(bytes); };
  };
  const struct {
    const char* name;
    Serving serving;
    absl::StatusCode code;
    const char* message;
  } cases[] = {
      {"closes without a word", [](RawConnection&) {}, absl::StatusCode::kAborted, "mpty reply"},
      {"resets", [](RawConnection& c) { c.Reset(); }, absl::StatusCode::kAborted, "reset"},
      {"closes in the headers", text("HTTP/1.1 200 OK\r\nContent-Le"), absl::StatusCode::kAborted,
       "before the end of the answer's headers"},
      {"closes after an interim answer", text("HTTP/1.1 100 Continue\r\n\r\n"),
       absl::StatusCode::kAborted, ""},
      {"closes in the body", text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour"),
       absl::StatusCode::kAborted, "transfer closed"},
      {"closes in a chunk", text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour"),
       absl::StatusCode::kAborted, ""},
      {"speaks SSH", text("SSH-2.0-OpenSSH_9.2\r\n"), absl::StatusCode::kDataLoss, "not HTTP"},
      {"speaks noise", text(std::string("\x16\x03\x01\0\xff\xfe\r\n\r\n", 10)),
       absl::StatusCode::kDataLoss, "not HTTP"},
  };
  for (const auto& c : cases) {
    Serve(c.serving);
    const absl::Status status = Error();
    EXPECT_EQ(status.code(), c.code) << c.name << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message)) << c.name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("GET http://127.0.0.1:")) << c.name;
    EXPECT_EQ(server_->connections(), 1) << c.name << ": sent again unseen";
  }
}

TEST_F(ClientTest, NoConnectionIsUnavailable) {
  request_.url = absl::StrCat("http://127.0.0.1:", ClosedPort(), "/");
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnavailable);
  request_.url = "http://no-such-host.invalid/";
  EXPECT_EQ(Error().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ClientTest, SilentSlowAndDrippingServersEndInTime) {
  const std::function<void(RawConnection&)> servings[] = {
      [](RawConnection& c) { c.WaitForClose(absl::Seconds(20)); },
      [](RawConnection& c) {
        c.Send("HTTP/1.1 200 OK\r\n");
        while (c.Send("X: y\r\n")) c.Pause(absl::Milliseconds(20));
      },
      [](RawConnection& c) {
        c.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while (c.Send("x")) c.Pause(absl::Milliseconds(20));
      },
  };
  request_.timeout = absl::Milliseconds(300);
  for (const auto& serving : servings) {
    Serve([&](RawConnection& connection) {
      connection.Send("HTTP/1.1 100 Continue\r\n\r\n");
      serving(connection);
    });
    const absl::Time began = absl::Now();
    const absl::Status status = Error();
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("300ms"));
    EXPECT_GE(absl::Now() - began, absl::Milliseconds(290));
    EXPECT_LT(absl::Now() - began, absl::Seconds(10));
  }
}

TEST_F(ClientTest, BodyBeyondTheMostIsCutAndTold) {
  const std::string announced = HttpAnswer(200, std::string(2 << 20, 'b'));
  const std::string chunk = absl::StrCat("10000\r\n", std::string(0x10000, 'b'), "\r\n");
  request_.max_body = 1000;
  HttpResponse partial;
  request_.partial = &partial;
  for (const bool chunked : {false, true}) {
    Serve([&](RawConnection& connection) {
      if (!chunked) {
        connection.Send(announced);
        return;
      }
      connection.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      while (connection.Send(chunk)) {
      }
    });
    const absl::Status status = Error();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("longer than 1000 bytes"));
    EXPECT_EQ(partial.status, 200);
    EXPECT_EQ(partial.body, std::string(1000, 'b'));
  }
  ServeText(HttpAnswer(200, std::string(1000, 'b')));
  EXPECT_TRUE(Do().ok());
}

TEST_F(ClientTest, EndlessHeadersAreCut) {
  Serve([](RawConnection& connection) {
    connection.Send("HTTP/1.1 200 OK\r\n");
    while (connection.Send("X-More: and more and more and more\r\n")) {
    }
  });
  const absl::Status status = Error();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("headers"));
}

TEST_F(ClientTest, ALineOfTheHeadersThatIsTooLongIsCalledThat) {
  for (const std::string& begin : {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 "}) {
    Serve([&](RawConnection& connection) {
      connection.Send(begin);
      while (connection.Send(std::string(1000, 'x'))) {
      }
    });
    const absl::Status status = Error();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("the answer's headers are longer than"));
  }
}

TEST_F(ClientTest, WhatCameBeforeAFailureIsKept) {
  HttpResponse partial;
  request_.partial = &partial;
  ServeText("HTTP/1.1 503 Sorry\r\nRetry-After: 1\r\nContent-Length: 100\r\n\r\nhalf an ans");
  EXPECT_EQ(Error().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(partial.status, 503);
  EXPECT_EQ(partial.headers.at("retry-after"), "1");
  EXPECT_EQ(partial.body, "half an ans");
}

TEST_F(ClientTest, CallerThatGivesUpIsHeardSoon) {
  std::promise<bool> closed;
  std::atomic<bool> asked = false;
  Serve([&](RawConnection& connection) {
    asked = true;
    closed.set_value(connection.WaitForClose(absl::Seconds(20)));
  });
  request_.timeout = absl::Seconds(30);
  request_.give_up = [&] { return asked.load(); };
  const absl::Time began = absl::Now();
  EXPECT_EQ(Error().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(absl::Now() - began, absl::Seconds(15));
  std::future<bool> was_closed = closed.get_future();
  ASSERT_EQ(was_closed.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_TRUE(was_closed.get()) << "the connection must not outlive the call";
}

TEST_F(ClientTest, BadRequestsAreRefusedBeforeAnythingIsSent) {
  ServeText(HttpAnswer(200, ""));
  const std::string good = request_.url;
  for (const std::string& url :
       {std::string("file:///etc/passwd"), std::string("ftp://127.0.0.1/"), std::string("nonsense"),
        std::string(""), std::string("http://"), std::string("http://h:99999/"),
        std::string("http://h/a b"), std::string("gopher://127.0.0.1/")}) {
    request_.url = url;
    EXPECT_EQ(Error().code(), absl::StatusCode::kInvalidArgument) << url;
  }
  request_.url = good;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"X-A", "b\r\nX-Evil: 1"}, {"X-A", std::string("a\0b", 3)}, {"X A", "b"}, {"", "b"}}) {
    request_.headers = {{name, value}};
    EXPECT_EQ(Error().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  request_.headers.clear();
  request_.method = "GET /x";
  EXPECT_EQ(Error().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(ClientTest, PasswordOfTheUrlIsSentButNeverShown) {
  ServeText(HttpAnswer(200, ""));
  const std::string rest = absl::StrCat("127.0.0.1:", server_->port(), "/p?token=hush");
  request_.url = "http://user:hunter2@" + rest;
  ASSERT_TRUE(Do().ok());
  server_.reset();
  EXPECT_EQ(last_.headers.at("authorization"), "Basic dXNlcjpodW50ZXIy");
  const absl::Status refused = Error();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("hunter2")));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("hush")));
}

TEST_F(ClientTest, ProxyOfTheEnvironmentIsNotUsed) {
  const std::string proxy = absl::StrCat("http://127.0.0.1:", ClosedPort());
  setenv("http_proxy", proxy.c_str(), 1);
  setenv("ALL_PROXY", proxy.c_str(), 1);
  ServeText(HttpAnswer(200, ""));
  EXPECT_TRUE(Do().ok());
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
}

TEST_F(ClientTest, ManyThreadsShareOneClient) {
  ServeText(HttpAnswer(200, "yes"));
  // last_ is written by many threads here.
  server_ = RawServer::Start({.serve = [](RawConnection& connection) {
    Request request;
    if (connection.Read(request)) connection.Send(HttpAnswer(200, request.body));
  }});
  request_.url = absl::StrCat("http://127.0.0.1:", server_->port(), "/");
  request_.method = "POST";
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      HttpRequest request = request_;
      request.body = absl::StrCat("body ", i);
      for (int n = 0; n < 5; ++n) {
        const auto response = client_->Do(request);
        if (response.ok() && response->body == request.body) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 100);
}

}  // namespace
}  // namespace gitops
