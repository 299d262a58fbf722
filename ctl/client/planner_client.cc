#include "ctl/client/planner_client.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "ctl/client/connection.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops::ctl {
namespace {

using v1::PlannerService;
using Stub = PlannerService::Stub;

// A plan, or a deployment, of 100,000 hosts.
constexpr int kMostAnswerBytes = 64 << 20;

std::string NewRequestId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&id, absl::Hex(random(), absl::kZeroPad8));
  return id;
}

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

  absl::StatusOr<std::vector<v1::Service>> ListServices(const v1::Selection& selection,
                                                        const std::string& service) override {
    v1::ListFleetServicesRequest request;
    *request.mutable_selection() = selection;
    if (!service.empty()) request.set_service(service);
    return connection_->AllPages<v1::Service>(
        *stub_, &Stub::ListFleetServices, request,
        [](v1::ListFleetServicesResponse& page) { return page.mutable_services(); });
  }

  Outcomes Freeze(const v1::FreezeServicesRequest& request) override {
    return OutcomesOf(Call(&Stub::FreezeServices, request, kMoveCall));
  }
  Outcomes Unfreeze(const v1::UnfreezeServicesRequest& request) override {
    return OutcomesOf(Call(&Stub::UnfreezeServices, request, kMoveCall));
  }
  Outcomes Rollback(const v1::RollbackServicesRequest& request) override {
    return OutcomesOf(Call(&Stub::RollbackServices, request, kMoveCall));
  }
  Outcomes Pull(const v1::PullServicesRequest& request) override {
    return OutcomesOf(Call(&Stub::PullServices, request, kMoveCall));
  }
  Outcomes Diff(const v1::DiffServicesRequest& request) override {
    return OutcomesOf(Call(&Stub::DiffServices, request, kMoveCall));
  }

  absl::StatusOr<v1::Plan> CreatePlan(const v1::DeploymentSpec& spec) override {
    v1::CreatePlanRequest request;
    *request.mutable_spec() = spec;
    absl::StatusOr<v1::CreatePlanResponse> response = Create(&Stub::CreatePlan, request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_plan());
  }

  absl::StatusOr<v1::Deployment> CreateDeployment(
      const v1::CreateDeploymentRequest& request) override {
    return DeploymentOf(Create(&Stub::CreateDeployment, request));
  }

  absl::StatusOr<v1::Deployment> GetDeployment(const std::string& id) override {
    v1::GetDeploymentRequest request;
    request.set_id(id);
    return DeploymentOf(Call(&Stub::GetDeployment, request, kReadCall));
  }

  absl::StatusOr<std::vector<v1::Deployment>> ListDeployments() override {
    return DeploymentPages(v1::ListDeploymentsRequest(), 0);
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
    return DeploymentOf(Create(&Stub::RollbackDeployment, request));
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

  // Makes one resource, even where the answer is lost and the call is repeated.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Create(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                                  Request request) {
    request.set_request_id(NewRequestId());
    return connection_->CallRepeatable(*stub_, method, request, kMoveCall);
  }

  template <typename Response>
  static absl::StatusOr<v1::Deployment> DeploymentOf(absl::StatusOr<Response> response) {
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_deployment());
  }

  template <typename Response>
  static Outcomes OutcomesOf(absl::StatusOr<Response> response) {
    if (!response.ok()) return response.status();
    return std::vector<v1::HostOutcome>(response->outcomes().begin(), response->outcomes().end());
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
