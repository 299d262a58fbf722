#include "services/planner/agents/agent_caller.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/retry/backoff.h"
#include "common/rpc/status.h"
#include "common/rpc/user_metadata.h"
#include "services/planner/agents/agent_link.h"
#include "services/planner/agents/perform_action.h"

namespace gitops {
namespace {

using Operations = v1::OperationService::StubInterface::async_interface;
using Services = v1::AgentService::StubInterface::async_interface;

constexpr absl::Duration kReadTimeout = absl::Seconds(30);
// These wait for an upstream, or for a publication and its unit.
constexpr absl::Duration kMoveTimeout = absl::Minutes(5);

// gRPC aborts the process over metadata that is not printable ASCII.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (!absl::ascii_isprint(c)) c = '?';
  }
  return text;
}

template <typename Response>
absl::StatusOr<v1::Service> ServiceOf(absl::StatusOr<Response> response) {
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_service());
}

class GrpcAgentCaller final : public AgentCaller {
 public:
  explicit GrpcAgentCaller(const AgentCallerOptions& options) : link_(options) {}

  absl::StatusOr<v1::GetHostStatusResponse> Status(const std::string& address) override {
    return link_.Ask(address, link_.options().connect_timeout, nullptr);
  }

  PerformOutcome Perform(const std::string& address, const v1::PerformActionRequest& request,
                         const GiveUp& give_up) override {
    return PerformAction(link_, address, request, give_up);
  }

  absl::StatusOr<std::string> AwaitReboot(const std::string& address, const std::string& before,
                                          absl::Duration timeout, const GiveUp& give_up) override;

  absl::StatusOr<v1::RunCheckResponse> RunCheck(const std::string& address,
                                                const v1::RunCheckRequest& request) override {
    const absl::Duration timeout =
        absl::Seconds(request.timeout().seconds()) + absl::Nanoseconds(request.timeout().nanos());
    // The agent ends the command itself; the rest is for its answer.
    return Call<v1::RunCheckResponse>(address, "", request, timeout + kAnswerTime,
                                      &Operations::RunCheck);
  }

  absl::StatusOr<v1::ResolveRevisionResponse> ResolveRevision(
      const std::string& address, const v1::ResolveRevisionRequest& request) override {
    return Call<v1::ResolveRevisionResponse>(address, "", request, kMoveTimeout,
                                             &Operations::ResolveRevision);
  }

  absl::StatusOr<v1::Service> Freeze(const std::string& address, const std::string& on_behalf_of,
                                     const v1::FreezeServiceRequest& request) override {
    return ServiceOf(Call<v1::FreezeServiceResponse>(address, on_behalf_of, request, kReadTimeout,
                                                     &Services::FreezeService));
  }

  absl::StatusOr<v1::Service> Unfreeze(const std::string& address, const std::string& on_behalf_of,
                                       const v1::UnfreezeServiceRequest& request) override {
    return ServiceOf(Call<v1::UnfreezeServiceResponse>(address, on_behalf_of, request, kReadTimeout,
                                                       &Services::UnfreezeService));
  }

  absl::StatusOr<v1::Service> Rollback(const std::string& address, const std::string& on_behalf_of,
                                       const v1::RollbackServiceRequest& request) override {
    return ServiceOf(Call<v1::RollbackServiceResponse>(address, on_behalf_of, request, kMoveTimeout,
                                                       &Services::RollbackService));
  }

  absl::StatusOr<v1::PullServiceResponse> Pull(const std::string& address,
                                               const std::string& on_behalf_of,
                                               const v1::PullServiceRequest& request) override {
    return Call<v1::PullServiceResponse>(address, on_behalf_of, request, kMoveTimeout,
                                         &Services::PullService);
  }

  absl::StatusOr<v1::DiffServiceResponse> Diff(const std::string& address,
                                               const v1::DiffServiceRequest& request) override {
    return Call<v1::DiffServiceResponse>(address, "", request, kReadTimeout,
                                         &Services::DiffService);
  }

 private:
  static constexpr absl::Duration kAnswerTime = absl::Seconds(5);

  template <typename Response, typename Async, typename Request>
  absl::StatusOr<Response> Call(const std::string& address, const std::string& on_behalf_of,
                                const Request& request, absl::Duration timeout,
                                AgentPeer::Method<Async, Request, Response> method) {
    const absl::StatusOr<AgentLink::Agent> agent = link_.Reach(address, nullptr);
    if (!agent.ok()) return agent.status();
    CallOptions options = {.timeout = timeout, .metadata = {{kUserMetadata, "the planner"}}};
    if (!on_behalf_of.empty()) {
      options.metadata.emplace_back(kOnBehalfOfMetadata, Printable(on_behalf_of));
    }
    return (*agent)->Call(method, request, options);
  }

  AgentLink link_;
};

absl::StatusOr<std::string> GrpcAgentCaller::AwaitReboot(const std::string& address,
                                                         const std::string& before,
                                                         absl::Duration timeout,
                                                         const GiveUp& give_up) {
  const absl::Time deadline = link_.Now() + timeout;
  for (int asked = 1;; ++asked) {
    const auto status = link_.Ask(address, link_.options().connect_timeout, give_up);
    if (status.ok() && status->boot_id() != before) return status->boot_id();
    if (link_.Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "the host at ", address, " is not back after ", absl::FormatDuration(timeout), ": ",
          status.ok() ? "its agent answers, but it has not rebooted" : status.status().message()));
    }
    const absl::Time next = std::min(link_.Now() + kRebootBackoff.After(asked), deadline);
    if (absl::IsCancelled(status.status()) || !link_.Pause(next, give_up)) {
      return absl::CancelledError(absl::StrCat("gave up waiting for the reboot of ", address));
    }
  }
}

}  // namespace

std::unique_ptr<AgentCaller> NewAgentCaller(AgentCallerOptions options) {
  return std::make_unique<GrpcAgentCaller>(options);
}

}  // namespace gitops
