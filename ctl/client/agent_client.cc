#include "ctl/client/agent_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "common/rpc/user_metadata.h"
#include "ctl/cli/host_address.h"
#include "ctl/client/failure.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops::ctl {
namespace {

using v1::AgentService;

constexpr absl::Duration kReadTimeout = absl::Seconds(30);
// These wait for a publication and its unit.
constexpr absl::Duration kMoveTimeout = absl::Minutes(5);

class GrpcAgentClient : public AgentClient {
 public:
  GrpcAgentClient(std::shared_ptr<grpc::Channel> channel, const AgentClientOptions& options)
      : channel_(std::move(channel)),
        stub_(AgentService::NewStub(channel_)),
        user_(options.user),
        timeout_(options.timeout),
        start_(absl::Now()) {}

  absl::StatusOr<std::vector<v1::Machine>> ListMachines() override {
    return AllPages<v1::Machine>(
        &AgentService::Stub::ListMachines, v1::ListMachinesRequest(),
        [](v1::ListMachinesResponse& page) { return page.mutable_machines(); });
  }

  absl::StatusOr<std::vector<v1::Service>> ListServices() override {
    return AllPages<v1::Service>(
        &AgentService::Stub::ListServices, v1::ListServicesRequest(),
        [](v1::ListServicesResponse& page) { return page.mutable_services(); });
  }

  absl::StatusOr<v1::Service> GetService(const std::string& name) override {
    v1::GetServiceRequest request;
    request.set_service(name);
    return ServiceOf(Call(&AgentService::Stub::GetService, request, kReadTimeout));
  }

  absl::StatusOr<v1::Service> Freeze(const std::string& name, const std::string& reason) override {
    v1::FreezeServiceRequest request;
    request.set_service(name);
    request.set_reason(reason);
    return ServiceOf(Call(&AgentService::Stub::FreezeService, request, kReadTimeout));
  }

  absl::StatusOr<v1::Service> Unfreeze(const std::string& name,
                                       const std::string& reason) override {
    v1::UnfreezeServiceRequest request;
    request.set_service(name);
    request.set_reason(reason);
    return ServiceOf(Call(&AgentService::Stub::UnfreezeService, request, kReadTimeout));
  }

  absl::StatusOr<v1::RollbackServiceResponse> Rollback(const std::string& name,
                                                       const std::string& hash,
                                                       const std::string& reason) override {
    v1::RollbackServiceRequest request;
    request.set_service(name);
    request.set_hash(hash);
    request.set_reason(reason);
    return Call(&AgentService::Stub::RollbackService, request, kMoveTimeout);
  }

  absl::StatusOr<v1::PullServiceResponse> Pull(const std::string& name) override {
    v1::PullServiceRequest request;
    request.set_service(name);
    return Call(&AgentService::Stub::PullService, request, kMoveTimeout);
  }

  absl::StatusOr<v1::DiffServiceResponse> Diff(const std::string& name) override {
    v1::DiffServiceRequest request;
    request.set_service(name);
    return Call(&AgentService::Stub::DiffService, request, kReadTimeout);
  }

  absl::Status Watch(const std::vector<std::string>& names, const Seen& seen) override {
    v1::WatchServicesRequest request;
    for (const std::string& name : names) request.add_services(name);
    grpc::ClientContext context;
    Prepare(context, absl::InfiniteDuration());
    const auto reader = stub_->WatchServices(&context, request);
    v1::WatchServicesResponse response;
    bool wanted = true;
    while (wanted && reader->Read(&response)) wanted = seen(response);
    if (!wanted) context.TryCancel();
    const grpc::Status status = reader->Finish();
    if (!wanted) return absl::OkStatus();
    if (status.ok()) return absl::UnavailableError("the agent ended the watch");
    return Explain(FromGrpcStatus(status), absl::InfiniteDuration());
  }

 private:
  template <typename Request, typename Response>
  using Method = grpc::Status (AgentService::Stub::*)(grpc::ClientContext*, const Request&,
                                                      Response*);

  absl::Duration Bound(absl::Duration by_default) const { return timeout_.value_or(by_default); }

  void Prepare(grpc::ClientContext& context, absl::Duration by_default) const {
    context.AddMetadata(kUserMetadata, user_);
    const absl::Duration bound = Bound(by_default);
    if (bound < absl::InfiniteDuration()) context.set_deadline(absl::ToChronoTime(start_ + bound));
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method, const Request& request,
                                absl::Duration by_default) {
    grpc::ClientContext context;
    Prepare(context, by_default);
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return Explain(FromGrpcStatus(status), by_default);
    return response;
  }

  template <typename Element, typename Request, typename Response, typename Elements>
  absl::StatusOr<std::vector<Element>> AllPages(Method<Request, Response> method, Request request,
                                                const Elements& elements_of) {
    std::vector<Element> all;
    while (true) {
      absl::StatusOr<Response> page = Call(method, request, kReadTimeout);
      if (!page.ok()) return page.status();
      for (Element& element : *elements_of(*page)) all.push_back(std::move(element));
      if (page->next_page_token().empty()) return all;
      if (page->next_page_token() == request.page_token()) {
        return absl::InternalError("the agent answers the same page again and again");
      }
      request.set_page_token(page->next_page_token());
    }
  }

  template <typename Response>
  static absl::StatusOr<v1::Service> ServiceOf(absl::StatusOr<Response> response) {
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_service());
  }

  // gRPC uses the same codes for what it found itself as for what the agent answered.
  absl::Status Explain(absl::Status status, absl::Duration by_default) const {
    if (absl::IsDeadlineExceeded(status)) {
      return WithHint(absl::DeadlineExceededError(absl::StrCat(
                          "no answer within ", absl::FormatDuration(Bound(by_default)))),
                      by_default == kMoveTimeout ? "what had begun there goes on"
                                                 : "--timeout sets another limit");
    }
    const bool connected = channel_->GetState(false) == GRPC_CHANNEL_READY;
    if (absl::IsUnavailable(status) && !connected) {
      return WithHint(WithExitCode(std::move(status), kUnreachable),
                      "is gitops-agent running there, and listening on that address?");
    }
    return status;
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<AgentService::Stub> stub_;
  const std::string user_;
  const std::optional<absl::Duration> timeout_;
  const absl::Time start_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AgentClient>> NewAgentClient(const AgentClientOptions& options) {
  ChannelOptions channel_options;
  channel_options.address = options.address;
  channel_options.default_port = kAgentPort;
  channel_options.insecure = options.insecure;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial(channel_options);
  if (absl::IsInvalidArgument(channel.status())) return WithExitCode(channel.status(), kUsage);
  if (!channel.ok()) return WithExitCode(channel.status(), kUnreachable);
  return std::make_unique<GrpcAgentClient>(*std::move(channel), options);
}

}  // namespace gitops::ctl
