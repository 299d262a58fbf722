#include "common/client/agent_client.h"

#include "common/api/compared_revision.h"
#include "common/client/calls.h"
#include "common/config/ports.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {
namespace {

using AgentCalls = Calls<v1::AgentService>;
using Methods = AgentCalls::Async;

template <typename Request>
Request RequestFor(const std::string& service) {
  Request request;
  request.set_service(service);
  return request;
}

template <typename Request>
Request RequestFor(const std::string& service, const std::string& reason) {
  auto request = RequestFor<Request>(service);
  request.set_reason(reason);
  return request;
}

}  // namespace

absl::StatusOr<AgentClient> AgentClient::New(const ClientOptions& options) {
  auto calls =
      AgentCalls::New(PeerOptionsFor(options, "agent", "gitops-agent", kAgentPort), options.caller);
  if (!calls.ok()) return calls.status();
  return AgentClient(*std::move(calls));
}

absl::StatusOr<std::vector<v1::Machine>> AgentClient::ListMachines() {
  return calls_->AllPages(&Methods::ListMachines, v1::ListMachinesRequest(),
                          &v1::ListMachinesResponse::mutable_machines);
}

absl::StatusOr<std::vector<v1::Service>> AgentClient::ListServices() {
  return calls_->AllPages(&Methods::ListServices, v1::ListServicesRequest(),
                          &v1::ListServicesResponse::mutable_services);
}

absl::StatusOr<v1::Service> AgentClient::GetService(const std::string& name) {
  return FieldOf(calls_->Call(&Methods::GetService, RequestFor<v1::GetServiceRequest>(name)),
                 &v1::GetServiceResponse::mutable_service);
}

absl::StatusOr<v1::Service> AgentClient::Freeze(const std::string& name,
                                                const std::string& reason) {
  const auto request = RequestFor<v1::FreezeServiceRequest>(name, reason);
  return FieldOf(calls_->Call(&Methods::FreezeService, request),
                 &v1::FreezeServiceResponse::mutable_service);
}

absl::StatusOr<v1::Service> AgentClient::Unfreeze(const std::string& name,
                                                  const std::string& reason) {
  const auto request = RequestFor<v1::UnfreezeServiceRequest>(name, reason);
  return FieldOf(calls_->Call(&Methods::UnfreezeService, request),
                 &v1::UnfreezeServiceResponse::mutable_service);
}

absl::StatusOr<v1::RollbackServiceResponse> AgentClient::Rollback(const std::string& name,
                                                                  const std::string& hash,
                                                                  const std::string& reason) {
  auto request = RequestFor<v1::RollbackServiceRequest>(name, reason);
  request.set_hash(hash);
  return calls_->Call(&Methods::RollbackService, request, kMoveTimeout);
}

absl::StatusOr<v1::PullServiceResponse> AgentClient::Pull(const std::string& name) {
  return calls_->Call(&Methods::PullService, RequestFor<v1::PullServiceRequest>(name),
                      kMoveTimeout);
}

absl::StatusOr<v1::DiffServiceResponse> AgentClient::Diff(const v1::DiffServiceRequest& request) {
  auto response = calls_->Call(&Methods::DiffService, request);
  if (!response.ok()) return response;
  if (absl::Status s = CheckComparedRevision(request, *response); !s.ok()) return s;
  return response;
}

absl::StatusOr<v1::DebugInfo> AgentClient::GetDebugInfo() {
  return FieldOf(calls_->Call(&Methods::GetAgentDebugInfo, v1::GetAgentDebugInfoRequest()),
                 &v1::GetAgentDebugInfoResponse::mutable_info);
}

absl::Status AgentClient::Watch(const std::vector<std::string>& names, const Seen& seen) {
  v1::WatchServicesRequest request;
  for (const std::string& name : names) request.add_services(name);
  return calls_->Watch(&Methods::WatchServices, request, seen);
}

}  // namespace gitops
