#include "gateway/api/api_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/testing_server.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "common/rpc/principal.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gateway/front/problem.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FakePlanner : public v1::PlannerService::Service {
 public:
  grpc::Status GetHost(grpc::ServerContext* context, const v1::GetHostRequest* request,
                       v1::GetHostResponse* response) override {
    if (request->host() == "gone") {
      absl::Status error = MakeError(Reason::kHostUnknown, "no host gone", {{"host", "gone"}});
      AddFieldViolation("some_field[0]", "why", error);
      return ToGrpcStatus(error);
    }
    response->mutable_host()->set_host(request->host());
    response->mutable_host()->set_etag("e1");
    response->mutable_host()->set_address(agent_address);
    response->mutable_host()->set_version(OnBehalfOf(*context));
    return grpc::Status::OK;
  }

  grpc::Status CreateDeployment(grpc::ServerContext*, const v1::CreateDeploymentRequest* request,
                                v1::CreateDeploymentResponse* response) override {
    response->mutable_deployment()->set_id(request->request_id());
    return grpc::Status::OK;
  }

  grpc::Status PullServices(grpc::ServerContext*, const v1::PullServicesRequest* request,
                            grpc::ServerWriter<v1::PullServicesResponse>* writer) override {
    v1::PullServicesResponse response;
    for (const char* host : {"web1", "web2"}) {
      response.mutable_outcome()->set_host(host);
      writer->Write(response);
    }
    if (request->service() == "broken") {
      return ToGrpcStatus(MakeError(Reason::kTooManyCalls, "too many"));
    }
    return grpc::Status::OK;
  }

  // Sends `count` hosts, then waits until the call is cancelled.
  grpc::Status WatchFleet(grpc::ServerContext* context, const v1::WatchFleetRequest* request,
                          grpc::ServerWriter<v1::WatchFleetResponse>* writer) override {
    for (int i = 0; i < watch_count; ++i) {
      v1::WatchFleetResponse response;
      response.mutable_host()->set_host(absl::StrCat("web", i, request->resume_token()));
      response.mutable_host()->set_version(std::string(watch_bytes, 'x'));
      response.set_resume_token(absl::StrCat("r", i));
      if (!writer->Write(response)) break;
    }
    MutexLock lock(mutex_);
    while (!context->IsCancelled()) {
      tick_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    }
    ++cancelled_;
    return grpc::Status::CANCELLED;
  }

  int cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

  std::string agent_address;
  int watch_count = 2;
  size_t watch_bytes = 0;

 private:
  static std::string OnBehalfOf(const grpc::ServerContext& context) {
    return PrincipalOf(context).on_behalf_of;
  }

  Mutex mutex_;
  CondVar tick_;
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;
};

class FakeAgent : public v1::AgentService::Service {
 public:
  grpc::Status GetService(grpc::ServerContext*, const v1::GetServiceRequest* request,
                          v1::GetServiceResponse* response) override {
    response->mutable_service()->set_service(request->service());
    response->mutable_service()->set_generation(7);
    response->mutable_service()->set_state(v1::SERVICE_STATE_OK);
    return grpc::Status::OK;
  }
  grpc::Status ListMachines(grpc::ServerContext*, const v1::ListMachinesRequest*,
                            v1::ListMachinesResponse* response) override {
    auto* machine = response->add_machines();
    machine->set_machine("alias");
    machine->set_actual("only");
    return grpc::Status::OK;
  }
};

std::string Row(const std::string& role) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(role.data()), role.size(), hash);
  return absl::StrCat(
      "[[tokens]]\nname = \"", role, "\"\nrole = \"", role, "\"\nsha256 = \"",
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), sizeof hash)),
      "\"\n");
}

// A gateway's API in front of a planner and an agent over real gRPC. The tokens are "viewer" and
// "operator".
class ApiRoutesTest : public TestingServer {
 protected:
  ApiRoutesTest() {
    planner_server_ = *RpcServer::Start({.listen = "127.0.0.1:0", .services = {&planner_}});
    agent_server_ = *RpcServer::Start({.listen = "127.0.0.1:0", .services = {&agent_}});
    planner_.agent_address = agent_server_->address();
    api_.planner = Dial(planner_server_->address(), "planner", Reason::kPlannerUnreachable);
    const auto tokens =
        std::make_shared<const Tokens>(*Tokens::Parse(Row("viewer") + Row("operator"), "t"));
    FrontOptions front;
    front.tokens = [tokens] { return tokens; };
    front.rate_limit.per_second = 0;
    front_ = NewFront(std::move(front));
    api_.front = front_.get();
    api_.caller = &caller_;
    api_.heartbeats = &heartbeats_;
    options_.error_response = ProblemFor;
  }
  ~ApiRoutesTest() override { server_.reset(); }

  static std::shared_ptr<const Backend> Dial(const std::string& address, const std::string& name,
                                             Reason unreachable) {
    ChannelOptions options;
    options.address = address;
    return *Backend::New(name, "gitops-" + name, unreachable, options);
  }

  void StartApi() {
    options_.routes = ApiRoutes(api_);
    Start();
  }

  static std::string Request(const std::string& line, const std::string& headers,
                             const std::string& body) {
    return absl::StrCat(line, " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer operator\r\n", headers,
                        "Content-Length: ", body.size(), "\r\n\r\n", body);
  }
  // A whole answer, with its head.
  std::string Answer(const std::string& line, const std::string& headers = "",
                     const std::string& body = "") {
    return Ask(Request(line, headers + "Connection: close\r\n", body));
  }
  static Json BodyOf(const std::string& answer) {
    return Json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
  }

  FakePlanner planner_;
  FakeAgent agent_;
  std::unique_ptr<RpcServer> planner_server_, agent_server_;
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 1);
  Heartbeats heartbeats_{scheduler_.get(), Clock::System()};
  std::unique_ptr<Front> front_;
  RpcCaller caller_;
  ApiOptions api_;
};

TEST_F(ApiRoutesTest, AGetIsTheRpcsJson) {
  StartApi();
  const std::string answer = Answer("GET /v1/hosts/web1");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("Content-Type: application/json"),
                            HasSubstr("ETag: W/\"e1\"")));
  const Json body = BodyOf(answer);
  EXPECT_EQ(body["host"]["host"], "web1");
  EXPECT_EQ(body["host"]["state"], "UNSPECIFIED");
  EXPECT_TRUE(body["host"]["lastSeenTime"].is_null());
  EXPECT_EQ(body["host"]["version"], "operator from ipv4:127.0.0.1") << "the caller is passed on";
}

TEST_F(ApiRoutesTest, AnUnchangedResourceIsNotSentAgain) {
  StartApi();
  EXPECT_THAT(Answer("GET /v1/hosts/web1", "If-None-Match: W/\"e1\"\r\n"),
              HasSubstr("HTTP/1.1 304"));
  EXPECT_THAT(Answer("GET /v1/hosts/web1", "If-None-Match: \"e0\"\r\n"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(Answer("GET /v1/hosts/web1", "If-Match: \"e0\"\r\n"), HasSubstr("HTTP/1.1 412"));
}

TEST_F(ApiRoutesTest, HeadHasNoBody) {
  StartApi();
  const std::string answer = Answer("HEAD /v1/hosts/web1");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200"));
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n")) << answer;
}

TEST_F(ApiRoutesTest, AnErrorIsAProblemWithReasonMetadataAndFields) {
  StartApi();
  const std::string answer = Answer("GET /v1/hosts/gone");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 404"), HasSubstr("application/problem+json")));
  const Json problem = BodyOf(answer);
  EXPECT_EQ(problem["reason"], "HOST_UNKNOWN");
  EXPECT_EQ(problem["metadata"]["host"], "gone");
  EXPECT_EQ(problem["violations"][0]["field"], "someField[0]");
}

TEST_F(ApiRoutesTest, UnknownPathsMethodsAndParametersAreRefused) {
  StartApi();
  EXPECT_THAT(Answer("GET /v1/nothing"), AllOf(HasSubstr("404"), HasSubstr("\"NOT_FOUND\"")));
  EXPECT_THAT(Answer("PUT /v1/hosts/web1"),
              AllOf(HasSubstr("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD\r\n")));
  EXPECT_THAT(Answer("GET /v1/hosts/web1?x=1"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Answer("GET /v1/hosts/a%2fb"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Answer("GET /v1/hosts/.."), HasSubstr("HTTP/1.1 400"));
}

TEST_F(ApiRoutesTest, AChangeNeedsTheRoleOfTheRpc) {
  StartApi();
  const std::string answer =
      Ask("POST /v1/services/nginx:pull HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n"
          "Connection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 403"), HasSubstr("PERMISSION_DENIED")));
}

TEST_F(ApiRoutesTest, IdempotencyKeyIsTheRequestId) {
  StartApi();
  const Json body =
      BodyOf(Answer("POST /v1/deployments", "Idempotency-Key: k1\r\n", R"({"planToken":"t"})"));
  EXPECT_EQ(body["deployment"]["id"], "k1");
}

TEST_F(ApiRoutesTest, AnAgentIsCalledAtTheAddressOfItsHost) {
  StartApi();
  const std::string answer = Answer("GET /v1/hosts/web1/services/nginx");
  EXPECT_THAT(answer, HasSubstr("ETag: W/\"7\""));
  EXPECT_EQ(BodyOf(answer)["service"]["state"], "OK");
  EXPECT_THAT(Answer("GET /v1/hosts/gone/services/nginx"), HasSubstr("HOST_UNKNOWN"));
}

TEST_F(ApiRoutesTest, TheOnlyAgentIsCalledWithoutAPlanner) {
  api_.planner = nullptr;
  api_.agent = Dial(agent_server_->address(), "agent", Reason::kHostUnreachable);
  StartApi();
  EXPECT_THAT(Answer("GET /v1/hosts/alias/services/nginx"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(Answer("GET /v1/hosts/only/services/nginx"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(Answer("GET /v1/hosts/other/services/nginx"), HasSubstr("HOST_UNKNOWN"));
  EXPECT_THAT(Answer("GET /v1/hosts"),
              AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("PLANNER_UNREACHABLE")));
}

TEST_F(ApiRoutesTest, AServerThatIsGoneIsNamed) {
  planner_server_.reset();
  StartApi();
  const std::string answer = Answer("GET /v1/hosts");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("PLANNER_UNREACHABLE"),
                            HasSubstr("cannot reach the planner at 127.0.0.1:")));
  EXPECT_THAT(Answer("GET /v1/pipelines"), HasSubstr("--promotion-receiver"));
}

TEST_F(ApiRoutesTest, AStreamIsALineForEachMessage) {
  StartApi();
  const std::string answer = Answer("POST /v1/services/nginx:pull");
  EXPECT_THAT(answer, AllOf(HasSubstr("Content-Type: application/x-ndjson"),
                            HasSubstr("{\"outcome\":{\"host\":\"web1\""),
                            HasSubstr("{\"outcome\":{\"host\":\"web2\""), HasSubstr("\r\n0\r\n")));
}

TEST_F(ApiRoutesTest, AnErrorAfterTheFirstMessageIsTheLastLine) {
  StartApi();
  EXPECT_THAT(Answer("POST /v1/services/broken:pull"),
              AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("\"host\":\"web2\""),
                    HasSubstr("{\"error\":{\"type\":\"about:blank\""),
                    HasSubstr("\"reason\":\"TOO_MANY_CALLS\"")));
  EXPECT_THAT(Answer("POST /v1/services/broken:pull", "Accept: text/event-stream\r\n"),
              HasSubstr("event: error\ndata: {\"type\":\"about:blank\""));
}

TEST_F(ApiRoutesTest, ServerSentEventsHaveIdsFromWhichTheyResume) {
  StartApi();
  RawClient client(address());
  client.Send(Request("GET /v1/hosts:watch",
                      "Accept: text/event-stream\r\nLast-Event-ID: -resumed\r\n", ""));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(client.ReadUntil("id: r1\ndata: "), HasSubstr("\"host\":\"web0-resumed\""));
}

TEST_F(ApiRoutesTest, AWatchEndsWhenItsClientIsGone) {
  StartApi();
  {
    RawClient client(address());
    client.Send(Request("GET /v1/hosts:watch", "", ""));
    client.ReadUntil("\"host\":\"web1\"");
  }
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 1; }));
}

TEST_F(ApiRoutesTest, AWatchEndsWhenTheGatewayStops) {
  StartApi();
  RawClient client(address());
  client.Send(Request("GET /v1/hosts:watch", "", ""));
  client.ReadUntil("\"host\":\"web1\"");
  server_->Stop(absl::Seconds(20));
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 1; }));
  EXPECT_THAT(client.ReadAll(), Not(HasSubstr("\r\n0\r\n"))) << "it is seen to be incomplete";
}

TEST_F(ApiRoutesTest, ASlowClientGetsEveryMessageAndHoldsBackTheServer) {
  planner_.watch_count = 400;
  planner_.watch_bytes = 20'000;
  options_.stream_buffer = 64 << 10;
  StartApi();
  RawClient client(address(), /*receive_buffer=*/4096);
  client.Send(Request("GET /v1/hosts:watch", "", ""));
  for (int i = 0; i < planner_.watch_count; ++i) {
    ASSERT_THAT(client.ReadUntil(absl::StrCat("\"resumeToken\":\"r", i, "\"")),
                Not(HasSubstr("<closed>")));
  }
}

TEST_F(ApiRoutesTest, ABodyOverTheLimitIsRefused) {
  api_.max_body = 100;
  StartApi();
  EXPECT_THAT(Answer("POST /v1/deployments", "", std::string(101, ' ')), HasSubstr("HTTP/1.1 413"));
}

}  // namespace
}  // namespace gitops
