#ifndef GITOPS_GATEWAY_API_API_FIXTURE_H_
#define GITOPS_GATEWAY_API_API_FIXTURE_H_

#include <openssl/sha.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/http/testing_server.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "common/rpc/gate.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"
#include "gateway/api/api_routes.h"
#include "gateway/front/problem.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops {

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
    return WaitForCancel(*context);
  }

  grpc::Status WatchDeployments(grpc::ServerContext* context,
                                const v1::WatchDeploymentsRequest* request,
                                grpc::ServerWriter<v1::WatchDeploymentsResponse>* writer) override {
    if (request->resume_token() == "bad") {
      return ToGrpcStatus(MakeError(Reason::kInvalidArgument, "bad resume_token"));
    }
    v1::WatchDeploymentsResponse response;
    response.mutable_deployment()->set_id(absl::StrCat("d", request->resume_token()));
    response.set_resume_token("-next");
    writer->Write(response);
    return WaitForCancel(*context);
  }

  int cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

  std::string agent_address;
  int watch_count = 2;
  size_t watch_bytes = 0;

 private:
  grpc::Status WaitForCancel(const grpc::ServerContext& context) {
    MutexLock lock(mutex_);
    while (!context.IsCancelled()) {
      tick_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    }
    ++cancelled_;
    return grpc::Status::CANCELLED;
  }
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

inline std::string TokenRow(const std::string& role) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(role.data()), role.size(), hash);
  return absl::StrCat(
      "[[tokens]]\nname = \"", role, "\"\nrole = \"", role, "\"\nsha256 = \"",
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), sizeof hash)),
      "\"\n");
}

// A gateway's API in front of a planner and an agent over real gRPC. The tokens are "viewer" and
// "operator".
class ApiFixture : public TestingServer {
 protected:
  ApiFixture() {
    StartPlanner("127.0.0.1:0");
    agent_server_ = *RpcServer::Start({.listen = "127.0.0.1:0", .services = {&agent_}});
    planner_.agent_address = agent_server_->address();
    api_.planner = Dial(planner_server_->address(), "planner", Reason::kPlannerUnreachable);
    const auto tokens = std::make_shared<const Tokens>(
        *Tokens::Parse(TokenRow("viewer") + TokenRow("operator"), "t"));
    FrontOptions front;
    front.tokens = [tokens] { return tokens; };
    front.rate_limit.per_second = 0;
    front_ = NewFront(std::move(front));
    api_.front = front_.get();
    api_.caller = &caller_;
    api_.heartbeats = &heartbeats_;
    options_.error_response = ProblemFor;
  }
  ~ApiFixture() override { server_.reset(); }

  void StartPlanner(const std::string& listen) {
    planner_server_ = *RpcServer::Start({.listen = listen, .services = {&planner_}});
  }

  static std::shared_ptr<const Backend> Dial(const std::string& address, const std::string& name,
                                             Reason unreachable) {
    ChannelOptions options;
    options.address = address;
    return *Backend::New(name, "gitops-" + name, unreachable, options);
  }

  void StartApi() {
    options_.routes = ApiRoutes(api_);
    options_.routes.push_back(EventsRoute(api_));
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

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_API_FIXTURE_H_
