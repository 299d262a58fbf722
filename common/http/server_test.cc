#include "common/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/http/raw_client.h"
#include "common/http/testing_server.h"

namespace gitops {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kHost[] = " HTTP/1.1\r\nHost: x\r\n";
constexpr char kClose[] = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

class HttpServerTest : public TestingServer {
 protected:
  // Answers with what it received.
  HttpServerTest() {
    const HttpHandler echo = RespondWith([](const HttpServerRequest& request) {
      std::vector<std::string> parameters;
      for (const auto& [name, value] : request.parameters) parameters.push_back(name + "=" + value);
      return HttpServerResponse{
          .body = absl::StrJoin({request.method, request.target, request.path, request.query,
                                 absl::StrJoin(parameters, "&"), request.body},
                                "|")};
    });
    Route({.method = "GET", .path = "/hosts/{host}", .handler = echo});
    Route({.method = "POST", .path = "/hosts/{host}", .handler = echo, .max_body = 100});
    Route({.method = "POST", .path = "/pooled", .handler = echo, .in_pool = true, .max_body = 100});
    options_.pool_threads = 2;
  }
};

TEST_F(HttpServerTest, ARequestReachesItsRouteWithParametersTargetAndBody) {
  Start();
  EXPECT_THAT(Ask(absl::StrCat("GET /hosts/a%3Ab:freeze?x=%20&y", kClose, "\r\n")),
              EndsWith("\r\n\r\nGET|/hosts/a%3Ab:freeze?x=%20&y|/hosts/a%3Ab:freeze|x=%20&y|"
                       "host=a:b:freeze|"));
  EXPECT_THAT(Ask(absl::StrCat("POST /hosts/web1", kClose, "Content-Length: 4\r\n\r\nbody")),
              EndsWith("POST|/hosts/web1|/hosts/web1||host=web1|body"));
  EXPECT_THAT(Ask(absl::StrCat("GET http://other/hosts/web1?q", kClose, "\r\n")),
              EndsWith("GET|http://other/hosts/web1?q|/hosts/web1|q|host=web1|"));
}

TEST_F(HttpServerTest, AChunkedBodyIsReadWhole) {
  Start();
  EXPECT_THAT(Ask(absl::StrCat("POST /pooled", kClose, "Transfer-Encoding: chunked\r\n\r\n",
                               "4\r\nbody\r\n2;ext=1\r\n!!\r\n0\r\n\r\n")),
              EndsWith("POST|/pooled|/pooled|||body!!"));
}

TEST_F(HttpServerTest, AnswersCarryWhatAClientNeeds) {
  Start();
  const std::string answer = Ask(absl::StrCat("GET /hosts/a", kClose, "\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 30\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, HasSubstr(" GMT\r\n"));
}

TEST_F(HttpServerTest, HeadIsGetWithoutTheBody) {
  Start();
  RawClient client(address());
  client.Send(absl::StrCat("HEAD /hosts/a", kHost, "\r\n"));
  client.Send(absl::StrCat("GET /hosts/b", kClose, "\r\n"));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("Content-Length: 31\r\n"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInTheirOrder) {
  Start();
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&requests, "GET /hosts/", i, kHost, "\r\n");
    absl::StrAppend(&requests, "POST /pooled", kHost, "Content-Length: ", absl::StrCat(i).size(),
                    "\r\n\r\n", i);
  }
  RawClient client(address());
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 100; ++i) {
    ASSERT_THAT(client.ReadAnswer(), EndsWith(absl::StrCat("host=", i, "|")));
    ASSERT_THAT(client.ReadAnswer(), EndsWith(absl::StrCat("|", i)));
  }
}

TEST_F(HttpServerTest, AConnectionIsKeptUnlessTheClientWantsItClosed) {
  Start();
  RawClient client(address());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send(absl::StrCat("GET /hosts/a", kHost, "\r\n")));
    EXPECT_THAT(client.ReadAnswer(), EndsWith("host=a|")) << i;
  }
  ASSERT_TRUE(client.Send(absl::StrCat("GET /nowhere", kHost, "\r\n")));
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 404 "));
  ASSERT_TRUE(client.Send("GET /hosts/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("Connection: keep-alive\r\n"));
  ASSERT_TRUE(client.Send("GET /hosts/a HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(client.ReadAll(), EndsWith("host=a|"));
}

TEST_F(HttpServerTest, AClientThatSendsNothingMoreStillGetsItsAnswer) {
  Start();
  RawClient client(address());
  client.Send(absl::StrCat("POST /pooled", kHost, "Content-Length: 4\r\n\r\nbody"));
  client.CloseSending();
  EXPECT_THAT(client.ReadAll(), EndsWith("|body"));
}

TEST_F(HttpServerTest, WhatIsNotThereIsTold) {
  Start();
  EXPECT_THAT(Ask(absl::StrCat("GET /", kClose, "\r\n")), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  const std::string answer = Ask(absl::StrCat("DELETE /hosts/a", kClose, "\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD, POST\r\n"));
  EXPECT_THAT(Ask(absl::StrCat("BREW /hosts/a", kClose, "\r\n")), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask(absl::StrCat("GET /hosts/%zz", kClose, "\r\n")), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(absl::StrCat("OPTIONS *", kClose, "\r\n")), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, ErrorsAreRenderedAsTheProgramWants) {
  options_.error_response = [](int status, absl::string_view detail) {
    return HttpServerResponse{.body = absl::StrCat("{", status, ":", detail, "}"),
                              .content_type = "application/problem+json"};
  };
  Start();
  const std::string answer = Ask(absl::StrCat("PUT /hosts/a", kClose, "\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD, POST\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n"));
  EXPECT_THAT(answer, EndsWith("{405:this path supports only GET, HEAD, POST}"));
}

TEST_F(HttpServerTest, AHandlerThatFailsIsAnErrorOfItsRequestOnly) {
  Route({.method = "GET", .path = "/throws", .handler = [](std::unique_ptr<HttpExchange>) {
           throw std::runtime_error("secret");
         }});
  Route({.method = "GET", .path = "/forgets", .handler = [](std::unique_ptr<HttpExchange>) {}});
  Start();
  RawClient client(address());
  for (const char* path : {"/throws", "/forgets"}) {
    client.Send(absl::StrCat("GET ", path, kHost, "\r\n"));
    const std::string answer = client.ReadAnswer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 ")) << path;
    EXPECT_THAT(answer, Not(HasSubstr("secret"))) << path;
  }
  client.Send(absl::StrCat("GET /hosts/a", kHost, "\r\n"));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("host=a|"));
}

TEST_F(HttpServerTest, AHandlerMayAnswerLaterFromAnotherThread) {
  std::vector<std::thread> threads;
  Route({.method = "GET", .path = "/later", .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           threads.emplace_back([exchange = std::move(exchange)] {
             exchange->Respond({.body = "from " + exchange->request().path});
           });
         }});
  Start();
  RawClient client(address());
  for (int i = 0; i < 50; ++i) {
    client.Send(absl::StrCat("GET /later", kHost, "\r\n"));
    ASSERT_THAT(client.ReadAnswer(), EndsWith("from /later")) << i;
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(HttpServerTest, AHeaderValueCannotAddAnotherHeader) {
  Route({.method = "GET",
         .path = "/h",
         .handler = RespondWith([](const HttpServerRequest&) {
           return HttpServerResponse{.headers = {{"X-Name", "a\r\nX-Evil: b"}}};
         })});
  Start();
  EXPECT_THAT(Ask(absl::StrCat("GET /h", kClose, "\r\n")), HasSubstr("X-Name: a  X-Evil: b\r\n"));
}

TEST_F(HttpServerTest, RepeatedHeadersAreJoinedSoThatNoneIsOverlooked) {
  Route({.method = "GET", .path = "/h", .handler = RespondWith([](const HttpServerRequest& r) {
                                          return HttpServerResponse{.body =
                                                                        r.Header("x-signature")};
                                        })});
  Start();
  EXPECT_THAT(Ask(absl::StrCat("GET /h", kClose, "X-Signature: a\r\nx-SIGNATURE: b\r\n\r\n")),
              EndsWith("\r\n\r\na, b"));
}

TEST_F(HttpServerTest, ThePeerIsWhomTheKernelNamesOnAnyKindOfSocket) {
  const std::string path = absl::StrCat("/tmp/gitops_http_", getpid());
  Route({.method = "GET", .path = "/peer", .handler = RespondWith([](const HttpServerRequest& r) {
                                             return HttpServerResponse{
                                                 .body = absl::StrCat(r.peer.address, "|",
                                                                      r.peer.port > 0, "|",
                                                                      r.peer.uid.has_value())};
                                           })});
  options_.listen = {"127.0.0.1:0", ":0", "unix:" + path};
  Start();
  const std::string request =
      absl::StrCat("GET /peer", kClose, "X-Forwarded-For: 192.0.2.1\r\n\r\n");
  EXPECT_THAT(AskAt(server_->addresses()[0], request), EndsWith("\r\n\r\n127.0.0.1|1|0"));
  EXPECT_THAT(AskAt(server_->addresses()[1], request), EndsWith("\r\n\r\n127.0.0.1|1|0"));
  EXPECT_EQ(server_->addresses()[2], "unix:" + path);
  EXPECT_THAT(AskAt("unix:" + path, request), EndsWith("\r\n\r\n|0|1"));
  EXPECT_EQ(HttpServer::Start({.listen = {"unix:" + path}}).status().code(),
            absl::StatusCode::kUnavailable);
  server_.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST_F(HttpServerTest, AnAddressThatCannotBeTakenIsNamedWithTheCause) {
  Start();
  const auto start = [](const std::string& listen) {
    return HttpServer::Start({.listen = {listen}}).status();
  };
  EXPECT_EQ(start(address()).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(start(address()).message()),
              absl::StrCat("cannot listen on ", address(), ": Address already in use"));
  EXPECT_EQ(start("9222").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(start("192.0.2.1:0").code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpServerTest, WrongRoutesAreRefusedAtTheStart) {
  options_.pool_threads = 0;
  EXPECT_THAT(std::string(HttpServer::Start(options_).status().message()),
              HasSubstr("/pooled needs a pool"));
  options_.pool_threads = 1;
  Route({.method = "GET", .path = "/hosts/{other}", .handler = nullptr});
  EXPECT_EQ(HttpServer::Start(options_).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(HttpServerTest, EveryInterfaceIsDialledOnLoopback) {
  for (const char* listen : {":0", "0.0.0.0:0", "localhost:0"}) {
    options_.listen = {listen};
    Start();
    EXPECT_THAT(address(), StartsWith("127.0.0.1:"));
    EXPECT_THAT(Ask(absl::StrCat("GET /hosts/a", kClose, "\r\n")), EndsWith("host=a|")) << listen;
  }
}

TEST_F(HttpServerTest, AServerWhoseEventThreadHangsDoesNotRespond) {
  std::promise<void> began, go;
  Route({.method = "GET", .path = "/hang", .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           began.set_value();
           go.get_future().wait();
           exchange->Respond({});
         }});
  Start();
  EXPECT_TRUE(server_->Responds(absl::Minutes(1)));
  RawClient client(address());
  client.Send("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n");
  began.get_future().wait();
  EXPECT_FALSE(server_->Responds(absl::Milliseconds(1)));
  go.set_value();
  EXPECT_TRUE(server_->Responds(absl::Minutes(1)));
  server_->Stop(absl::ZeroDuration());
  EXPECT_FALSE(server_->Responds(absl::Milliseconds(1)));
}

TEST_F(HttpServerTest, SeveralEventThreadsServeManyClients) {
  options_.event_threads = 3;
  Start();
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      RawClient client(address());
      for (int i = 0; i < 100; ++i) {
        const std::string body = absl::StrCat(c, "-", i);
        client.Send(absl::StrCat("POST ", i % 2 ? "/pooled" : "/hosts/h", kHost,
                                 "Content-Length: ", body.size(), "\r\n\r\n", body));
        ASSERT_THAT(client.ReadAnswer(), EndsWith("|" + body));
      }
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(HttpServerTest, TheEndOfAnExchangeIsToldOnceWithItsStatus) {
  std::promise<int> end;
  Route({.method = "GET", .path = "/made", .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           exchange->OnEnd([&](int status) { end.set_value(status); });
           exchange->Respond({.status = 201});
         }});
  Start();
  EXPECT_THAT(Ask(absl::StrCat("GET /made", kClose, "\r\n")), StartsWith("HTTP/1.1 201"));
  EXPECT_EQ(end.get_future().get(), 201);
}

TEST_F(HttpServerTest, AHandlerThatDoesNotAnswerEndsWith500) {
  std::promise<int> end;
  Route({.method = "GET", .path = "/none", .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           exchange->OnEnd([&](int status) { end.set_value(status); });
         }});
  Start();
  EXPECT_THAT(Ask(absl::StrCat("GET /none", kClose, "\r\n")), StartsWith("HTTP/1.1 500"));
  EXPECT_EQ(end.get_future().get(), 500);
}

TEST_F(HttpServerTest, AWriterIsToldWhenThereIsRoom) {
  options_.stream_buffer = 10;
  std::promise<std::unique_ptr<HttpExchange>> started;
  Route({.method = "GET", .path = "/s", .handler = [&](std::unique_ptr<HttpExchange> exchange) {
           exchange->Start({});
           // Nothing is sent before this handler returns.
           EXPECT_TRUE(exchange->Write(std::string(10, 'x')).ok());
           EXPECT_TRUE(absl::IsResourceExhausted(exchange->Write("<end>")));
           HttpExchange& stream = *exchange;
           started.set_value(std::move(exchange));
           stream.OnRoom([&] { stream.Write("<end>").IgnoreError(); });
         }});
  Start();
  RawClient client(address());
  client.Send("GET /s HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("<end>"), HasSubstr("xxxxxxxxxx"));
  bool told = false;
  const std::unique_ptr<HttpExchange> exchange = started.get_future().get();
  exchange->OnRoom([&] { told = true; });
  EXPECT_TRUE(told) << "there is room already";
}

}  // namespace
}  // namespace gitops
