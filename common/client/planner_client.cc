#include "common/client/planner_client.h"

#include <algorithm>
#include <type_traits>

#include "absl/time/clock.h"
#include "common/client/calls.h"
#include "common/config/ports.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops {
namespace {

using PlannerCalls = Calls<v1::PlannerService>;
using Methods = PlannerCalls::Async;

// A plan, or a deployment, of 100,000 hosts.
constexpr int kMaxAnswerBytes = 64 << 20;

template <typename Request, typename Response>
PlannerClient::Outcomes OutcomesOf(const PlannerCalls& calls,
                                   StreamMethod<Methods, Request, Response> method,
                                   const Request& request, const PlannerClient::OutcomeSeen& seen) {
  std::vector<v1::HostOutcome> outcomes;
  const absl::Status ended = calls.Stream(method, request, kMoveTimeout, [&](Response& response) {
    seen(response.outcome());
    outcomes.push_back(std::move(*response.mutable_outcome()));
    return true;
  });
  if (!ended.ok()) return ended;
  std::stable_sort(outcomes.begin(), outcomes.end(),
                   [](const auto& a, const auto& b) { return a.number() < b.number(); });
  return outcomes;
}

// `whole` with the hosts of the pages from `request` on; no page token: it has all.
template <typename Whole, typename Request, typename Response>
absl::StatusOr<Whole> WithRest(const PlannerCalls& calls, Whole whole,
                               UnaryMethod<Methods, Request, Response> method,
                               const Request& request) {
  if (request.page_token().empty()) return whole;
  auto rest = calls.AllPages(method, request, &Response::mutable_hosts);
  if (!rest.ok()) return rest.status();
  for (auto& host : *rest) *whole.add_hosts() = std::move(host);
  return whole;
}

}  // namespace

absl::StatusOr<PlannerClient> PlannerClient::New(const ClientOptions& options) {
  PeerOptions peer_options = PeerOptionsFor(options, "planner", "gitops-planner", kPlannerPort);
  peer_options.channel.max_answer_bytes = kMaxAnswerBytes;
  auto calls = PlannerCalls::New(std::move(peer_options), options.caller);
  if (!calls.ok()) return calls.status();
  return PlannerClient(*std::move(calls));
}

PlannerClient PlannerClient::For(Caller caller) const {
  return PlannerClient(std::make_shared<const PlannerCalls>(calls_->peer(), std::move(caller)));
}

absl::StatusOr<std::vector<v1::Host>> PlannerClient::ListHosts(const v1::Selection& selection) {
  v1::ListHostsRequest request;
  *request.mutable_selection() = selection;
  return calls_->AllPages(&Methods::ListHosts, request, &v1::ListHostsResponse::mutable_hosts);
}

absl::StatusOr<v1::Host> PlannerClient::GetHost(const std::string& host) {
  v1::GetHostRequest request;
  request.set_host(host);
  return FieldOf(calls_->Call(&Methods::GetHost, request), &v1::GetHostResponse::mutable_host);
}

absl::StatusOr<v1::Host> PlannerClient::AcknowledgeHost(const std::string& host,
                                                        const std::string& reason) {
  v1::AcknowledgeHostRequest request;
  request.set_host(host);
  request.set_reason(reason);
  return FieldOf(calls_->Call(&Methods::AcknowledgeHost, request),
                 &v1::AcknowledgeHostResponse::mutable_host);
}

absl::StatusOr<std::vector<v1::Service>> PlannerClient::ListServices(const v1::Selection& selection,
                                                                     const std::string& service) {
  v1::ListFleetServicesRequest request;
  *request.mutable_selection() = selection;
  if (!service.empty()) request.set_service(service);
  return calls_->AllPages(&Methods::ListFleetServices, request,
                          &v1::ListFleetServicesResponse::mutable_services);
}

PlannerClient::Outcomes PlannerClient::Freeze(const v1::FreezeServicesRequest& request,
                                              const OutcomeSeen& seen) {
  return OutcomesOf(*calls_, &Methods::FreezeServices, request, seen);
}

PlannerClient::Outcomes PlannerClient::Unfreeze(const v1::UnfreezeServicesRequest& request,
                                                const OutcomeSeen& seen) {
  return OutcomesOf(*calls_, &Methods::UnfreezeServices, request, seen);
}

PlannerClient::Outcomes PlannerClient::Rollback(const v1::RollbackServicesRequest& request,
                                                const OutcomeSeen& seen) {
  return OutcomesOf(*calls_, &Methods::RollbackServices, request, seen);
}

PlannerClient::Outcomes PlannerClient::Pull(const v1::PullServicesRequest& request,
                                            const OutcomeSeen& seen) {
  return OutcomesOf(*calls_, &Methods::PullServices, request, seen);
}

PlannerClient::Outcomes PlannerClient::Diff(const v1::DiffServicesRequest& request,
                                            const OutcomeSeen& seen) {
  return OutcomesOf(*calls_, &Methods::DiffServices, request, seen);
}

PlannerClient::Outcomes PlannerClient::GetServices(const v1::GetServicesRequest& request,
                                                   const OutcomeSeen& seen) {
  return OutcomesOf(*calls_, &Methods::GetServices, request, seen);
}

absl::StatusOr<v1::Plan> PlannerClient::CreatePlan(const v1::CreatePlanRequest& request) {
  auto response = calls_->Create(&Methods::CreatePlan, request);
  if (!response.ok()) return response.status();
  v1::ListPlanHostsRequest rest;
  rest.set_token(response->plan().token());
  rest.set_page_token(response->next_host_page_token());
  return WithRest(*calls_, std::move(*response->mutable_plan()), &Methods::ListPlanHosts, rest);
}

absl::StatusOr<v1::Deployment> PlannerClient::CreateDeployment(
    const v1::CreateDeploymentRequest& request) {
  return FieldOf(calls_->Create(&Methods::CreateDeployment, request),
                 &v1::CreateDeploymentResponse::mutable_deployment);
}

absl::StatusOr<v1::Deployment> PlannerClient::RollbackDeployment(
    const v1::RollbackDeploymentRequest& request) {
  return FieldOf(calls_->Create(&Methods::RollbackDeployment, request),
                 &v1::RollbackDeploymentResponse::mutable_deployment);
}

absl::StatusOr<v1::Deployment> PlannerClient::GetDeployment(const std::string& id) {
  v1::GetDeploymentRequest request;
  request.set_id(id);
  request.set_view(v1::VIEW_FULL);
  auto response = calls_->Call(&Methods::GetDeployment, request);
  if (!response.ok()) return response.status();
  v1::ListDeploymentHostsRequest rest;
  rest.set_id(id);
  rest.set_view(v1::VIEW_FULL);
  rest.set_page_token(response->next_host_page_token());
  return WithRest(*calls_, std::move(*response->mutable_deployment()),
                  &Methods::ListDeploymentHosts, rest);
}

absl::StatusOr<v1::Deployment> PlannerClient::GetDeploymentSummary(const std::string& id) {
  v1::GetDeploymentRequest request;
  request.set_id(id);
  return FieldOf(calls_->Call(&Methods::GetDeployment, request),
                 &v1::GetDeploymentResponse::mutable_deployment);
}

absl::StatusOr<std::vector<v1::Deployment>> PlannerClient::ListDeployments(
    const v1::DeploymentFilter& filter, int most) {
  v1::ListDeploymentsRequest request;
  *request.mutable_filter() = filter;
  request.set_page_size(most);
  return calls_->AllPages(&Methods::ListDeployments, request,
                          &v1::ListDeploymentsResponse::mutable_deployments, most);
}

absl::StatusOr<v1::Deployment> PlannerClient::CancelDeployment(const std::string& id,
                                                               const std::string& reason) {
  v1::CancelDeploymentRequest request;
  request.set_id(id);
  request.set_reason(reason);
  return FieldOf(calls_->Call(&Methods::CancelDeployment, request),
                 &v1::CancelDeploymentResponse::mutable_deployment);
}

absl::StatusOr<v1::Deployment> PlannerClient::ResumeDeployment(const std::string& id) {
  v1::ResumeDeploymentRequest request;
  request.set_id(id);
  return FieldOf(calls_->Call(&Methods::ResumeDeployment, request),
                 &v1::ResumeDeploymentResponse::mutable_deployment);
}

absl::StatusOr<std::vector<v1::HostLock>> PlannerClient::ListLocks() {
  return calls_->AllPages(&Methods::ListLocks, v1::ListLocksRequest(),
                          &v1::ListLocksResponse::mutable_locks);
}

absl::StatusOr<v1::HostLock> PlannerClient::BreakLock(const std::string& host,
                                                      const std::string& reason) {
  v1::BreakLockRequest request;
  request.set_host(host);
  request.set_reason(reason);
  return FieldOf(calls_->Call(&Methods::BreakLock, request), &v1::BreakLockResponse::mutable_lock);
}

absl::StatusOr<std::vector<v1::DamagedRecord>> PlannerClient::ListDamagedRecords() {
  const auto response =
      calls_->Call(&Methods::ListDamagedRecords, v1::ListDamagedRecordsRequest(), kMoveTimeout);
  if (!response.ok()) return response.status();
  return std::vector<v1::DamagedRecord>(response->records().begin(), response->records().end());
}

absl::Status PlannerClient::RemoveDamagedRecord(const std::string& key) {
  v1::RemoveDamagedRecordRequest request;
  request.set_key(key);
  return calls_->Call(&Methods::RemoveDamagedRecord, request).status();
}

absl::StatusOr<v1::DebugInfo> PlannerClient::GetDebugInfo(const std::string& host) {
  v1::GetDebugInfoRequest request;
  if (!host.empty()) request.set_host(host);
  return FieldOf(calls_->Call(&Methods::GetDebugInfo, request),
                 &v1::GetDebugInfoResponse::mutable_info);
}

absl::StatusOr<std::vector<v1::Hook>> PlannerClient::ListHooks() {
  const auto response = calls_->Call(&Methods::ListFleetHooks, v1::ListFleetHooksRequest());
  if (!response.ok()) return response.status();
  return std::vector<v1::Hook>(response->hooks().begin(), response->hooks().end());
}

absl::StatusOr<v1::TestHooksResponse> PlannerClient::TestHooks(
    const v1::TestHooksRequest& request) {
  return calls_->Call(&Methods::TestHooks, request, kMoveTimeout);
}

absl::Status PlannerClient::WatchFleet(const v1::WatchFleetRequest& request,
                                       const Seen<v1::WatchFleetResponse>& seen) {
  return calls_->Watch(&Methods::WatchFleet, request, seen);
}

absl::Status PlannerClient::WatchDeployments(const v1::WatchDeploymentsRequest& request,
                                             const Seen<v1::WatchDeploymentsResponse>& seen) {
  return calls_->Watch(&Methods::WatchDeployments, request, seen);
}

absl::Status PlannerClient::WatchDeployment(const v1::WatchDeploymentRequest& request,
                                            const Seen<v1::WatchDeploymentResponse>& seen) {
  return calls_->Watch(&Methods::WatchDeployment, request, seen);
}

absl::Duration PlannerClient::Remaining() const {
  return std::max(absl::ZeroDuration(), calls_->caller().deadline - absl::Now());
}

}  // namespace gitops
