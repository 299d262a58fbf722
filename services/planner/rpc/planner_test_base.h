#ifndef GITOPS_SERVICES_PLANNER_RPC_PLANNER_TEST_BASE_H_
#define GITOPS_SERVICES_PLANNER_RPC_PLANNER_TEST_BASE_H_

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/metrics/metrics.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "services/planner/plan/fake_fleet.h"
#include "services/planner/record/record_testing.h"
#include "services/planner/rpc/fake_deployments.h"
#include "services/planner/rpc/planner_service.h"
#include "services/planner/testing/fake_agent_services.h"
#include "services/planner/testing/fake_hook_caller.h"

namespace gitops {

// The planner's RPCs over a real gRPC server and a real store, on a fleet in memory. Deployments
// are stored and not run.
class PlannerTestBase : public testing::Test {
 protected:
  static constexpr int kMostWatchers = 3;
  static constexpr int kMostCommands = 3;
  static constexpr int kMostCalls = 12;

  // `grants` (may be null) is not owned.
  explicit PlannerTestBase(bool dispatcher = true, Clock* clock = Clock::System(),
                           const GrantFile* grants = nullptr)
      : hooks_(dispatcher) {
    service_ = NewPlannerService({.clock = clock,
                                  .gate = &gate_,
                                  .grants = grants,
                                  .fleet = &fleet_,
                                  .locks = &locks_,
                                  .agents = &agents_,
                                  .hooks = &hooks_,
                                  .plans = &plans_,
                                  .store = &records_,
                                  .request_ids = &request_ids_,
                                  .deployments = &deployments_,
                                  .state = store_.store(),
                                  .debug_info =
                                      [] {
                                        v1::DebugInfo info;
                                        info.set_component("planner");
                                        return info;
                                      },
                                  .most_fleet_watchers = kMostWatchers,
                                  .most_deployment_watchers = kMostWatchers,
                                  .most_commands = kMostCommands});
    auto server = RpcServer::Start(
        {.listen = "127.0.0.1:0", .services = {service_.get()}, .metrics = &metrics_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::PlannerService::NewStub(*Dial({.address = server_->address()}));
  }
  ~PlannerTestBase() override {
    service_->Stop();
    server_->Shutdown(absl::Seconds(5));
  }

  std::unique_ptr<grpc::ClientContext> Context() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context->AddMetadata("gitops-user", "alice@laptop");
    if (!on_behalf_of_.empty()) context->AddMetadata("gitops-on-behalf-of", on_behalf_of_);
    return context;
  }

  // A host with an agent that has a coordinated service "nginx".
  void AddHost(const std::string& host, const std::vector<std::string>& tags = {}) {
    fleet_.Add(host, tags);
    fleet_.AddService(host, "nginx", std::string(40, 'a'));
    agents_.Add(host + ":8004", {{"nginx", std::string(40, 'a')}});
  }

  template <typename Request, typename Response>
  using Method = grpc::Status (v1::PlannerService::Stub::*)(grpc::ClientContext*, const Request&,
                                                            Response*);
  // The answer of a call that must go well.
  template <typename Request, typename Response>
  Response Call(Method<Request, Response> method, const Request& request) {
    Response response;
    const grpc::Status status = (stub_.get()->*method)(Context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
    return response;
  }
  // The same for a command to many hosts: the outcomes, in the order of the selection.
  template <typename Request, typename Response>
  using Command = std::unique_ptr<grpc::ClientReader<Response>> (v1::PlannerService::Stub::*)(
      grpc::ClientContext*, const Request&);
  template <typename Request, typename Response>
  std::vector<v1::HostOutcome> Call(Command<Request, Response> method, const Request& request) {
    std::vector<v1::HostOutcome> outcomes;
    const grpc::Status status = Run(method, request, &outcomes);
    EXPECT_TRUE(status.ok()) << status.error_code() << " " << status.error_message();
    std::sort(outcomes.begin(), outcomes.end(),
              [](const auto& a, const auto& b) { return a.number() < b.number(); });
    return outcomes;
  }
  template <typename Request, typename Response>
  grpc::Status Try(Command<Request, Response> method, const Request& request) {
    std::vector<v1::HostOutcome> outcomes;
    return Run(method, request, &outcomes);
  }
  template <typename Request, typename Response>
  grpc::Status Run(Command<Request, Response> method, const Request& request,
                   std::vector<v1::HostOutcome>* outcomes) {
    const auto context = Context();
    const auto reader = (stub_.get()->*method)(context.get(), request);
    Response response;
    while (reader->Read(&response)) outcomes->push_back(response.outcome());
    return reader->Finish();
  }
  // How a call ended.
  template <typename Request, typename Response>
  grpc::Status Try(Method<Request, Response> method, const Request& request) {
    Response response;
    return (stub_.get()->*method)(Context().get(), request, &response);
  }

  using Stub = v1::PlannerService::Stub;

  std::string on_behalf_of_;  // in the calls; empty: the caller's own
  const RpcGate gate_{/*authorizer=*/nullptr, {.read = kMostCalls}};
  TempStore store_;
  FakeFleet fleet_;
  FakeHookCaller hooks_;
  FakeAgentServices agents_;
  Metrics metrics_{"planner"};
  FaultyStore counted_{store_.store()};
  TestRecords records_{&counted_, Clock::System()};
  RequestIds request_ids_{store_.store(), "planner/v1/request/", Clock::System()};
  FakeDeployments deployments_{&records_};
  HostLocks locks_{{.store = store_.store(), .clock = Clock::System(), .planner = "p1"}};
  const PlanMaker plans_{
      {.fleet = &fleet_, .hooks = &hooks_, .agents = &agents_, .clock = Clock::System()}};
  std::unique_ptr<PlannerService> service_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::PlannerService::Stub> stub_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_PLANNER_TEST_BASE_H_
