#include "services/planner/agents/agent_caller.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/api/compared_revision.h"
#include "common/clock/timestamp.h"
#include "common/retry/backoff.h"
#include "common/rpc/status.h"
#include "common/rpc/user_metadata.h"
#include "services/planner/agents/agent_link.h"

namespace gitops {
namespace {

using Operations = v1::OperationService::StubInterface::async_interface;
using Services = v1::AgentService::StubInterface::async_interface;
using Audits = v1::AuditService::StubInterface::async_interface;

constexpr absl::Duration kReadTimeout = absl::Seconds(30);
// These wait for an upstream, or for a publication and its unit.
constexpr absl::Duration kMoveTimeout = absl::Minutes(5);
// Reads 256 MiB.
constexpr absl::Duration kVerifyTimeout = absl::Minutes(2);

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// Copies an agent's answer into the outcome.
template <typename Response>
absl::Status Keep(absl::StatusOr<Response> response, v1::HostOutcome* outcome) {
  if (!response.ok()) return response.status();
  if constexpr (std::is_same_v<Response, v1::DiffServiceResponse>) {
    *outcome->mutable_diff() = *std::move(response);
  } else {
    *outcome->mutable_service() = std::move(*response->mutable_service());
  }
  if constexpr (std::is_same_v<Response, v1::PullServiceResponse>) {
    outcome->set_changed(response->changed());
  }
  return absl::OkStatus();
}

class GrpcAgentClient final : public AgentClient {
 public:
  explicit GrpcAgentClient(const AgentCallerOptions& options) : link_(options) {}

  absl::StatusOr<v1::GetHostStatusResponse> Status(const AgentAddress& address) override {
    return link_.Ask(address, link_.options().connect_timeout, nullptr);
  }

  PerformOutcome Perform(const AgentAddress& address, const v1::PerformActionRequest& request,
                         const GiveUp& give_up) override {
    return PerformAction(link_, address, request, give_up);
  }

  absl::StatusOr<std::string> AwaitReboot(const AgentAddress& address, const std::string& before,
                                          absl::Duration timeout, const GiveUp& give_up) override;

  absl::StatusOr<v1::RunCheckResponse> RunCheck(const AgentAddress& address,
                                                const v1::RunCheckRequest& request) override {
    // The agent ends the command itself; the rest is for its answer.
    return CallOne(address, {}, request, FromDuration(request.timeout()) + kAnswerTime,
                   &Operations::RunCheck);
  }

  absl::StatusOr<v1::ResolveRevisionResponse> ResolveRevision(
      const AgentAddress& address, const v1::ResolveRevisionRequest& request,
      const GiveUp& give_up) override {
    return CallOne(address, {.on_behalf_of = "", .give_up = give_up}, request, kMoveTimeout,
                   &Operations::ResolveRevision);
  }

  absl::Status Call(const AgentAddress& address, const CallFor& caller,
                    const ServiceRequest& request, v1::HostOutcome* outcome) override {
    return std::visit(
        Overloaded{
            [&](const v1::FreezeServiceRequest& one) {
              return Keep(CallOne(address, caller, one, kReadTimeout, &Services::FreezeService),
                          outcome);
            },
            [&](const v1::UnfreezeServiceRequest& one) {
              return Keep(CallOne(address, caller, one, kReadTimeout, &Services::UnfreezeService),
                          outcome);
            },
            [&](const v1::RollbackServiceRequest& one) {
              return Keep(CallOne(address, caller, one, kMoveTimeout, &Services::RollbackService),
                          outcome);
            },
            [&](const v1::PullServiceRequest& one) {
              return Keep(CallOne(address, caller, one, kMoveTimeout, &Services::PullService),
                          outcome);
            },
            [&](const v1::DiffServiceRequest& one) {
              // With `to_hash`, the upstream may have to be asked.
              auto diff =
                  CallOne(address, caller, one, one.has_to_hash() ? kMoveTimeout : kReadTimeout,
                          &Services::DiffService);
              if (diff.ok()) {
                if (absl::Status s = CheckComparedRevision(one, *diff); !s.ok()) return s;
              }
              return Keep(std::move(diff), outcome);
            },
            [&](const v1::GetServiceRequest& one) {
              return Keep(CallOne(address, caller, one, kReadTimeout, &Services::GetService),
                          outcome);
            },
        },
        request);
  }

  absl::StatusOr<v1::DebugInfo> DebugInfo(const AgentAddress& address,
                                          const CallFor& caller) override {
    auto response = CallOne(address, caller, v1::GetAgentDebugInfoRequest(), kReadTimeout,
                            &Services::GetAgentDebugInfo);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_info());
  }

  absl::StatusOr<v1::ListAuditResponse> ListAudit(const AgentAddress& address,
                                                  const CallFor& caller,
                                                  const v1::ListAuditRequest& request) override {
    return CallOne(address, caller, request, kReadTimeout, &Audits::ListAudit);
  }

  absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(
      const AgentAddress& address, const CallFor& caller,
      const v1::VerifyAuditRequest& request) override {
    return CallOne(address, caller, request, kVerifyTimeout, &Audits::VerifyAudit);
  }

 private:
  static constexpr absl::Duration kAnswerTime = absl::Seconds(5);

  template <typename Async, typename Request, typename Response>
  absl::StatusOr<Response> CallOne(const AgentAddress& address, const CallFor& caller,
                                   const Request& request, absl::Duration timeout,
                                   AgentPeer::Method<Async, Request, Response> method) {
    const absl::StatusOr<AgentLink::Agent> agent = link_.Reach(address, caller.give_up);
    if (!agent.ok()) return agent.status();
    CallOptions options = {.timeout = timeout,
                           .give_up = caller.give_up,
                           .metadata = {{kUserMetadata, "the planner"}}};
    if (!caller.on_behalf_of.empty()) {
      options.metadata.emplace_back(kOnBehalfOfMetadata, caller.on_behalf_of);
    }
    return (*agent)->Call(method, request, options);
  }

  AgentLink link_;
};

absl::StatusOr<std::string> GrpcAgentClient::AwaitReboot(const AgentAddress& address,
                                                         const std::string& before,
                                                         absl::Duration timeout,
                                                         const GiveUp& give_up) {
  const SteadyTime deadline = link_.Now() + timeout;
  for (int asked = 1;; ++asked) {
    const auto status = link_.Ask(address, link_.options().connect_timeout, give_up);
    if (status.ok() && status->boot_id() != before) return status->boot_id();
    if (link_.Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "the host at ", address.address, " is not back after ", absl::FormatDuration(timeout),
          ": ",
          status.ok() ? "its agent answers, but it has not rebooted" : status.status().message()));
    }
    const SteadyTime next = std::min(link_.Now() + kRebootBackoff.After(asked), deadline);
    if (absl::IsCancelled(status.status()) || !link_.Pause(next, give_up)) {
      return absl::CancelledError(
          absl::StrCat("gave up waiting for the reboot of ", address.address));
    }
  }
}

}  // namespace

std::unique_ptr<AgentClient> NewAgentClient(AgentCallerOptions options) {
  return std::make_unique<GrpcAgentClient>(options);
}

}  // namespace gitops
