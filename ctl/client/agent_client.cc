#include "ctl/client/agent_client.h"

#include <utility>

#include "common/config/ports.h"
#include "ctl/cli/host_address.h"
#include "ctl/client/connection.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops::ctl {
namespace {

using v1::AgentService;

class GrpcAgentClient : public AgentClient {
 public:
  explicit GrpcAgentClient(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)), stub_(AgentService::NewStub(connection_->channel())) {}

  absl::StatusOr<std::vector<v1::Machine>> ListMachines() override {
    return connection_->AllPages<v1::Machine>(
        *stub_, &AgentService::Stub::ListMachines, v1::ListMachinesRequest(),
        [](v1::ListMachinesResponse& page) { return page.mutable_machines(); });
  }

  absl::StatusOr<std::vector<v1::Service>> ListServices() override {
    return connection_->AllPages<v1::Service>(
        *stub_, &AgentService::Stub::ListServices, v1::ListServicesRequest(),
        [](v1::ListServicesResponse& page) { return page.mutable_services(); });
  }

  absl::StatusOr<v1::Service> GetService(const std::string& name) override {
    v1::GetServiceRequest request;
    request.set_service(name);
    return ServiceOf(Call(&AgentService::Stub::GetService, request, kReadCall));
  }

  absl::StatusOr<v1::Service> Freeze(const std::string& name, const std::string& reason) override {
    v1::FreezeServiceRequest request;
    request.set_service(name);
    request.set_reason(reason);
    return ServiceOf(Call(&AgentService::Stub::FreezeService, request, kReadCall));
  }

  absl::StatusOr<v1::Service> Unfreeze(const std::string& name,
                                       const std::string& reason) override {
    v1::UnfreezeServiceRequest request;
    request.set_service(name);
    request.set_reason(reason);
    return ServiceOf(Call(&AgentService::Stub::UnfreezeService, request, kReadCall));
  }

  absl::StatusOr<v1::RollbackServiceResponse> Rollback(const std::string& name,
                                                       const std::string& hash,
                                                       const std::string& reason) override {
    v1::RollbackServiceRequest request;
    request.set_service(name);
    request.set_hash(hash);
    request.set_reason(reason);
    return Call(&AgentService::Stub::RollbackService, request, kMoveCall);
  }

  absl::StatusOr<v1::PullServiceResponse> Pull(const std::string& name) override {
    v1::PullServiceRequest request;
    request.set_service(name);
    return Call(&AgentService::Stub::PullService, request, kMoveCall);
  }

  absl::StatusOr<v1::DiffServiceResponse> Diff(const std::string& name) override {
    v1::DiffServiceRequest request;
    request.set_service(name);
    return Call(&AgentService::Stub::DiffService, request, kReadCall);
  }

  absl::Status Watch(const std::vector<std::string>& names, const Seen& seen) override {
    v1::WatchServicesRequest request;
    for (const std::string& name : names) request.add_services(name);
    return connection_->Watch(*stub_, &AgentService::Stub::WatchServices, request, seen);
  }

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (AgentService::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&,
                                                                           Response*),
                                const Request& request, const CallKind& kind) {
    return connection_->Call(*stub_, method, request, kind);
  }

  template <typename Response>
  static absl::StatusOr<v1::Service> ServiceOf(absl::StatusOr<Response> response) {
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_service());
  }

  const std::unique_ptr<Connection> connection_;
  const std::unique_ptr<AgentService::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AgentClient>> NewAgentClient(const AgentClientOptions& options) {
  ConnectionOptions connection_options;
  connection_options.address = options.address;
  connection_options.default_port = kAgentPort;
  connection_options.program = "gitops-agent";
  connection_options.insecure = options.insecure;
  connection_options.user = options.user;
  connection_options.timeout = options.timeout;
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(connection_options);
  if (!connection.ok()) return connection.status();
  return std::make_unique<GrpcAgentClient>(*std::move(connection));
}

}  // namespace gitops::ctl
