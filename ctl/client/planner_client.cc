#include "ctl/client/planner_client.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "common/config/ports.h"
#include "ctl/client/connection.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops::ctl {
namespace {

using v1::PlannerService;
using Stub = PlannerService::Stub;

// A plan, or a deployment, of 100,000 hosts.
constexpr int kMostAnswerBytes = 64 << 20;

class GrpcPlannerClient : public PlannerClient {
 public:
  explicit GrpcPlannerClient(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)),
        stub_(PlannerService::NewStub(connection_->channel())) {}

  absl::StatusOr<std::vector<v1::Host>> ListHosts(const v1::Selection& selection) override {
    v1::ListHostsRequest request;
    *request.mutable_selection() = selection;
    return connection_->AllPages<v1::Host>(
        *stub_, &Stub::ListHosts, request,
        [](v1::ListHostsResponse& page) { return page.mutable_hosts(); });
  }

  absl::StatusOr<v1::Host> GetHost(const std::string& host) override {
    v1::GetHostRequest request;
    request.set_host(host);
    absl::StatusOr<v1::GetHostResponse> response = Call(&Stub::GetHost, request, kReadCall);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_host());
  }

  absl::StatusOr<std::vector<v1::Service>> ListServices(const v1::Selection& selection,
                                                        const std::string& service) override {
    v1::ListFleetServicesRequest request;
    *request.mutable_selection() = selection;
    if (!service.empty()) request.set_service(service);
    return connection_->AllPages<v1::Service>(
        *stub_, &Stub::ListFleetServices, request,
        [](v1::ListFleetServicesResponse& page) { return page.mutable_services(); });
  }

  Outcomes Freeze(const v1::FreezeServicesRequest& request, const OutcomeSeen& seen) override {
    return OutcomesOf(&Stub::FreezeServices, request, seen);
  }
  Outcomes Unfreeze(const v1::UnfreezeServicesRequest& request, const OutcomeSeen& seen) override {
    return OutcomesOf(&Stub::UnfreezeServices, request, seen);
  }
  Outcomes Rollback(const v1::RollbackServicesRequest& request, const OutcomeSeen& seen) override {
    return OutcomesOf(&Stub::RollbackServices, request, seen);
  }
  Outcomes Pull(const v1::PullServicesRequest& request, const OutcomeSeen& seen) override {
    return OutcomesOf(&Stub::PullServices, request, seen);
  }
  Outcomes Diff(const v1::DiffServicesRequest& request, const OutcomeSeen& seen) override {
    return OutcomesOf(&Stub::DiffServices, request, seen);
  }

  absl::StatusOr<v1::Plan> CreatePlan(const v1::DeploymentSpec& spec) override {
    v1::CreatePlanRequest request;
    *request.mutable_spec() = spec;
    absl::StatusOr<v1::CreatePlanResponse> response = Call(&Stub::CreatePlan, request, kMoveCall);
    if (!response.ok()) return response.status();
    v1::ListPlanHostsRequest rest;
    rest.set_token(response->plan().token());
    rest.set_page_token(response->next_host_page_token());
    return WithRest(std::move(*response->mutable_plan()), &Stub::ListPlanHosts, rest);
  }

  absl::StatusOr<v1::Deployment> CreateDeployment(
      const v1::CreateDeploymentRequest& request) override {
    return DeploymentOf(Call(&Stub::CreateDeployment, request, kMoveCall));
  }

  absl::StatusOr<v1::Deployment> GetDeployment(const std::string& id) override {
    v1::GetDeploymentRequest request;
    request.set_id(id);
    request.set_view(v1::VIEW_FULL);
    absl::StatusOr<v1::GetDeploymentResponse> response =
        Call(&Stub::GetDeployment, request, kReadCall);
    if (!response.ok()) return response.status();
    v1::ListDeploymentHostsRequest rest;
    rest.set_id(id);
    rest.set_view(v1::VIEW_FULL);
    rest.set_page_token(response->next_host_page_token());
    return WithRest(std::move(*response->mutable_deployment()), &Stub::ListDeploymentHosts, rest);
  }

  absl::StatusOr<std::vector<v1::Deployment>> ListDeployments(
      const v1::DeploymentFilter& filter) override {
    v1::ListDeploymentsRequest request;
    *request.mutable_filter() = filter;
    return DeploymentPages(request, 0);
  }

  absl::StatusOr<std::vector<v1::Deployment>> ListLatestDeployments(int count) override {
    v1::ListDeploymentsRequest request;
    request.set_page_size(count);
    return DeploymentPages(request, count);
  }

  absl::StatusOr<v1::Deployment> CancelDeployment(const std::string& id,
                                                  const std::string& reason) override {
    v1::CancelDeploymentRequest request;
    request.set_id(id);
    request.set_reason(reason);
    return DeploymentOf(Call(&Stub::CancelDeployment, request, kReadCall));
  }

  absl::StatusOr<v1::Deployment> ResumeDeployment(const std::string& id) override {
    v1::ResumeDeploymentRequest request;
    request.set_id(id);
    return DeploymentOf(Call(&Stub::ResumeDeployment, request, kReadCall));
  }

  absl::StatusOr<v1::Deployment> RollbackDeployment(const std::string& id,
                                                    const std::string& reason) override {
    v1::RollbackDeploymentRequest request;
    request.set_id(id);
    request.set_reason(reason);
    return DeploymentOf(Call(&Stub::RollbackDeployment, request, kMoveCall));
  }

  absl::StatusOr<std::vector<v1::HostLock>> ListLocks() override {
    return connection_->AllPages<v1::HostLock>(
        *stub_, &Stub::ListLocks, v1::ListLocksRequest(),
        [](v1::ListLocksResponse& page) { return page.mutable_locks(); });
  }

  absl::StatusOr<v1::HostLock> BreakLock(const std::string& host,
                                         const std::string& reason) override {
    v1::BreakLockRequest request;
    request.set_host(host);
    request.set_reason(reason);
    absl::StatusOr<v1::BreakLockResponse> response = Call(&Stub::BreakLock, request, kReadCall);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_lock());
  }

  absl::StatusOr<std::vector<v1::Hook>> ListHooks() override {
    const absl::StatusOr<v1::ListFleetHooksResponse> response =
        Call(&Stub::ListFleetHooks, v1::ListFleetHooksRequest(), kReadCall);
    if (!response.ok()) return response.status();
    return std::vector<v1::Hook>(response->hooks().begin(), response->hooks().end());
  }

  absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& request) override {
    return Call(&Stub::TestHooks, request, kMoveCall);
  }

  absl::Status WatchFleet(const v1::WatchFleetRequest& request, const FleetSeen& seen) override {
    return connection_->Watch(*stub_, &Stub::WatchFleet, request, seen);
  }

  absl::Status WatchDeployments(const v1::DeploymentFilter& filter,
                                const DeploymentInListSeen& seen) override {
    v1::WatchDeploymentsRequest request;
    *request.mutable_filter() = filter;
    return connection_->Watch(*stub_, &Stub::WatchDeployments, request, seen);
  }

  absl::Status WatchDeployment(const std::string& id, const DeploymentSeen& seen) override {
    v1::WatchDeploymentRequest request;
    request.set_id(id);
    return connection_->Watch(*stub_, &Stub::WatchDeployment, request, seen);
  }

  absl::Duration Remaining() const override { return connection_->Remaining(); }
  void ReconnectNow() override { connection_->ReconnectNow(); }

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const CallKind& kind) {
    return connection_->Call(*stub_, method, request, kind);
  }

  template <typename Response>
  static absl::StatusOr<v1::Deployment> DeploymentOf(absl::StatusOr<Response> response) {
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_deployment());
  }

  template <typename Request, typename Reader>
  Outcomes OutcomesOf(Reader (Stub::*method)(grpc::ClientContext*, const Request&),
                      const Request& request, const OutcomeSeen& seen) {
    std::vector<v1::HostOutcome> outcomes;
    const absl::Status ended =
        connection_->Stream(*stub_, method, request, kMoveCall, [&](const auto& response) {
          seen(response.outcome());
          outcomes.push_back(response.outcome());
          return true;
        });
    if (!ended.ok()) return ended;
    std::stable_sort(outcomes.begin(), outcomes.end(),
                     [](const auto& a, const auto& b) { return a.number() < b.number(); });
    return outcomes;
  }

  // `whole` with the hosts of the pages from `request` on; no page token: it has all.
  template <typename Whole, typename Request, typename Response>
  absl::StatusOr<Whole> WithRest(Whole whole,
                                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                              Response*),
                                 const Request& request) {
    if (request.page_token().empty()) return whole;
    using Host = std::decay_t<decltype(whole.hosts(0))>;
    auto rest = connection_->AllPages<Host>(*stub_, method, request,
                                            [](Response& page) { return page.mutable_hosts(); });
    if (!rest.ok()) return rest.status();
    for (Host& host : *rest) *whole.add_hosts() = std::move(host);
    return whole;
  }

  absl::StatusOr<std::vector<v1::Deployment>> DeploymentPages(
      const v1::ListDeploymentsRequest& request, size_t most) {
    return connection_->AllPages<v1::Deployment>(
        *stub_, &Stub::ListDeployments, request,
        [](v1::ListDeploymentsResponse& page) { return page.mutable_deployments(); }, most);
  }

  const std::unique_ptr<Connection> connection_;
  const std::unique_ptr<Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PlannerClient>> NewPlannerClient(
    const PlannerClientOptions& options) {
  ConnectionOptions connection_options;
  connection_options.address = options.address;
  connection_options.default_port = kPlannerPort;
  connection_options.program = "gitops-planner";
  connection_options.insecure = options.insecure;
  connection_options.max_answer_bytes = kMostAnswerBytes;
  connection_options.user = options.user;
  connection_options.timeout = options.timeout;
  connection_options.bad_request_is_usage = true;
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(connection_options);
  if (!connection.ok()) return connection.status();
  return std::make_unique<GrpcPlannerClient>(*std::move(connection));
}

}  // namespace gitops::ctl
