#ifndef GITOPS_GATEWAY_API_API_FIXTURE_H_
#define GITOPS_GATEWAY_API_API_FIXTURE_H_

#include <openssl/sha.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
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

  // web1 and web2 have the tag "prod", db1 has not. Understands names, and "web*".
  grpc::Status ListHosts(grpc::ServerContext*, const v1::ListHostsRequest* request,
                         v1::ListHostsResponse* response) override {
    const v1::Selection& selection = request->selection();
    // A page for each host.
    const int first = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    const std::vector<std::string> hosts = {"db1", "web1", "web2"};
    const bool is_web = hosts[first] != "db1";
    const bool named = std::any_of(selection.on().begin(), selection.on().end(), [&](auto& glob) {
      return glob == hosts[first] || (glob == "web*" && is_web);
    });
    if ((named || selection.on().empty()) && (is_web || selection.tagged().empty())) {
      response->add_hosts()->set_host(hosts[first]);
    }
    if (first < 2) response->set_next_page_token(std::to_string(first + 1));
    return grpc::Status::OK;
  }

  // The plan "P" and the deployment "D" are about web1, "P-all" and "D-all" about every host.
  grpc::Status CreatePlan(grpc::ServerContext*, const v1::CreatePlanRequest* request,
                          v1::CreatePlanResponse* response) override {
    SetSeen(request->spec().selection());
    response->mutable_plan()->set_token(request->spec().selection().on_size() > 1 ? "P-all" : "P");
    response->mutable_plan()->add_hook_calls()->set_hook("told of every host");
    return grpc::Status::OK;
  }
  grpc::Status ListPlanHosts(grpc::ServerContext*, const v1::ListPlanHostsRequest* request,
                             v1::ListPlanHostsResponse* response) override {
    response->add_hosts()->set_host("web1");
    if (request->token() == "P-all") response->add_hosts()->set_host("db1");
    return grpc::Status::OK;
  }
  grpc::Status ListDeploymentHosts(grpc::ServerContext*,
                                   const v1::ListDeploymentHostsRequest* request,
                                   v1::ListDeploymentHostsResponse* response) override {
    response->add_hosts()->set_host("web1");
    if (request->id() == "D-all") response->add_hosts()->set_host("db1");
    return grpc::Status::OK;
  }
  grpc::Status GetDeployment(grpc::ServerContext*, const v1::GetDeploymentRequest* request,
                             v1::GetDeploymentResponse* response) override {
    if (request->id() == "gone") return {grpc::StatusCode::NOT_FOUND, "no such deployment"};
    response->mutable_deployment()->set_id(request->id());
    response->mutable_deployment()->set_etag("d" + std::to_string(cancels));
    response->mutable_deployment()->add_hook_calls()->set_hook("told of every host");
    return grpc::Status::OK;
  }

  grpc::Status CreateDeployment(grpc::ServerContext*, const v1::CreateDeploymentRequest* request,
                                v1::CreateDeploymentResponse* response) override {
    response->mutable_deployment()->set_id(request->request_id());
    response->mutable_deployment()->set_reason(request->plan_token());
    return grpc::Status::OK;
  }

  grpc::Status CancelDeployment(grpc::ServerContext*, const v1::CancelDeploymentRequest*,
                                v1::CancelDeploymentResponse*) override {
    ++cancels;
    return grpc::Status::OK;
  }

  grpc::Status PullServices(grpc::ServerContext*, const v1::PullServicesRequest* request,
                            grpc::ServerWriter<v1::PullServicesResponse>* writer) override {
    SetSeen(request->selection());
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

  // One file that differs; its content where that is asked for.
  grpc::Status DiffServices(grpc::ServerContext*, const v1::DiffServicesRequest* request,
                            grpc::ServerWriter<v1::DiffServicesResponse>* writer) override {
    v1::DiffServicesResponse response;
    v1::Difference& file = *response.mutable_outcome()->mutable_diff()->add_differences();
    file.set_path("/etc/app");
    file.set_added_lines(1);
    if (request->content()) file.set_detail("+secret");
    writer->Write(response);
    return grpc::Status::OK;
  }

  // Sends `watch_count` hosts, then each Change(), until the call is cancelled. With a token of a
  // change, sends only the changes after it.
  grpc::Status WatchFleet(grpc::ServerContext* context, const v1::WatchFleetRequest* request,
                          grpc::ServerWriter<v1::WatchFleetResponse>* writer) override {
    size_t sent = 0;
    {
      MutexLock lock(mutex_);
      ++open_;
      ++opened_;
      sent = changes_.size();
    }
    if (silent) {
      const grpc::Status cancelled = WaitForCancel(*context);
      MutexLock lock(mutex_);
      --open_;
      return cancelled;
    }
    absl::string_view token = request->resume_token();
    const bool resumes = absl::ConsumePrefix(&token, "c") && absl::SimpleAtoi(token, &sent);
    for (int i = 0; i < watch_count && !resumes; ++i) {
      v1::WatchFleetResponse response;
      response.mutable_host()->set_host(absl::StrCat("web", i, request->resume_token()));
      response.mutable_host()->set_version(std::string(watch_bytes, 'x'));
      response.set_resume_token(absl::StrCat("r", i));
      if (!writer->Write(response)) break;
    }
    v1::WatchFleetResponse done;
    done.set_initial_done(true);
    done.set_resume_token(absl::StrCat("c", sent));
    writer->Write(done);
    while (!context->IsCancelled()) {
      v1::WatchFleetResponse response;
      {
        MutexLock lock(mutex_);
        if (sent == changes_.size()) Tick();
        if (sent == changes_.size()) continue;
        response.mutable_host()->set_host(changes_[sent++]);
      }
      response.mutable_host()->set_version(std::string(watch_bytes, 'x'));
      response.set_resume_token(absl::StrCat("c", sent));
      if (!writer->Write(response)) break;
    }
    MutexLock lock(mutex_);
    --open_;
    ++cancelled_;
    return grpc::Status::CANCELLED;
  }
  // A change of the fleet.
  void Change(const std::string& host) {
    MutexLock lock(mutex_);
    changes_.push_back(host);
  }
  // The calls of WatchFleet that are open, and that ever were.
  int open() {
    MutexLock lock(mutex_);
    return open_;
  }
  int opened() {
    MutexLock lock(mutex_);
    return opened_;
  }

  grpc::Status WatchDeployments(grpc::ServerContext* context,
                                const v1::WatchDeploymentsRequest* request,
                                grpc::ServerWriter<v1::WatchDeploymentsResponse>* writer) override {
    if (request->resume_token() == "bad") {
      return ToGrpcStatus(MakeError(Reason::kInvalidArgument, "bad resume_token"));
    }
    if (deny_deployments) return ToGrpcStatus(MakeError(Reason::kPermissionDenied, "not yours"));
    if (silent) return WaitForCancel(*context);
    v1::WatchDeploymentsResponse response;
    response.mutable_deployment()->set_id(absl::StrCat("d", request->resume_token()));
    response.set_resume_token("-next");
    response.set_initial_done(true);
    writer->Write(response);
    return WaitForCancel(*context);
  }

  int cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

  // The selection of the last call that has one and is not ListHosts.
  std::string seen() {
    MutexLock lock(mutex_);
    return seen_.ShortDebugString();
  }

  std::atomic<int> cancels = 0;
  std::string agent_address;
  // Tests change these while the server runs.
  std::atomic<int> watch_count = 2;
  std::atomic<size_t> watch_bytes = 0;
  std::atomic<bool> deny_deployments = false;
  std::atomic<bool> silent = false;  // watches tell nothing

 private:
  grpc::Status WaitForCancel(const grpc::ServerContext& context) {
    MutexLock lock(mutex_);
    while (!context.IsCancelled()) Tick();
    ++cancelled_;
    return grpc::Status::CANCELLED;
  }
  void Tick() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    tick_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
  }
  void SetSeen(const v1::Selection& selection) {
    MutexLock lock(mutex_);
    seen_ = selection;
  }
  static std::string OnBehalfOf(const grpc::ServerContext& context) {
    return PrincipalOf(context).on_behalf_of;
  }

  Mutex mutex_;
  CondVar tick_;
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  int opened_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> changes_ ABSL_GUARDED_BY(mutex_);
  v1::Selection seen_ ABSL_GUARDED_BY(mutex_);
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

// Of a token that is called as its role, unless it has a name.
inline std::string TokenRow(const std::string& role, const std::string& more = "",
                            const std::string& given_name = "") {
  const std::string& name = given_name.empty() ? role : given_name;
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), hash);
  return absl::StrCat(
      "[[tokens]]\nname = \"", name, "\"\nrole = \"", role, "\"\nsha256 = \"",
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), sizeof hash)),
      "\"\n", more, "\n");
}

// A gateway's API in front of a planner and an agent over real gRPC. The tokens are "viewer",
// "operator", and the operators "web" and "prod" that are limited to hosts.
class ApiFixture : public TestingServer {
 protected:
  ApiFixture() {
    agent_server_ = *RpcServer::Start({.listen = "127.0.0.1:0", .services = {&agent_}});
    planner_.agent_address = agent_server_->address();
    StartPlanner("127.0.0.1:0");
    api_.planner = Dial(planner_server_->address(), "planner", Reason::kPlannerUnreachable);
    const auto tokens = std::make_shared<const Tokens>(
        *Tokens::Parse(absl::StrCat(TokenRow("viewer"), TokenRow("operator"),
                                    TokenRow("operator", "on = [\"web*\"]", "web"),
                                    TokenRow("operator", "tagged = [\"prod\"]", "prod")),
                       "t"));
    FrontOptions front;
    front.tokens = [this, tokens, none = std::make_shared<const Tokens>()] {
      return tokens_removed_ ? none : tokens;
    };
    front.rate_limit.per_second = 0;
    front_ = NewFront(std::move(front));
    api_.front = front_.get();
    api_.caller = &caller_;
    api_.heartbeats = &heartbeats_;
    api_.events.scheduler = scheduler_.get();
    api_.events.linger = absl::ZeroDuration();
    options_.error_response = ProblemFor;
  }
  ~ApiFixture() override {
    server_.reset();
    options_.routes.clear();
  }

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
    server_.reset();
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
  std::atomic<bool> tokens_removed_ = false;
  std::unique_ptr<Front> front_;
  Heartbeats heartbeats_{scheduler_.get(), Clock::System()};
  RpcCaller caller_;
  ApiOptions api_;
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_API_FIXTURE_H_
