#ifndef GITOPS_SERVICES_PLANNER_AGENTS_AGENT_CALLER_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_AGENT_CALLER_H_

#include <compare>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "gitops/v1/agent.pb.h"
#include "gitops/v1/audit.pb.h"
#include "gitops/v1/operation.pb.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {

struct AgentCallerOptions {
  Clock* clock = Clock::System();  // not owned
  bool insecure = false;
  std::string tls_dir;
  // The time in which an agent must accept a connection and answer.
  absl::Duration connect_timeout = absl::Seconds(5);
  // How long to wait for an agent that was lost during an action, before its host fails.
  absl::Duration return_timeout = absl::Seconds(30);
  // An agent that is silent this long during a call is pinged; without an answer within the timeout
  // it is lost. Agents refuse pings more often than every 10 s.
  absl::Duration keepalive = absl::Seconds(11);
  absl::Duration keepalive_timeout = absl::Seconds(5);
  // Time limit of one action.
  absl::Duration action_timeout = absl::Minutes(10);
};

// Where an agent serves, and the host that it must prove to be: with TLS, any of the fleet's
// certificates could answer at the address. Conversions are implicit, for callers without TLS.
struct AgentAddress {
  AgentAddress(std::string address, std::string host = "")
      : address(std::move(address)), host(std::move(host)) {}
  AgentAddress(const char* address) : AgentAddress(std::string(address)) {}
  operator const std::string&() const { return address; }
  auto operator<=>(const AgentAddress&) const = default;

  std::string address, host;
};
// Of a v1::Host, or a message with the same fields.
template <typename Host>
AgentAddress AgentOf(const Host& host) {
  return {host.address(), host.host()};
}

// Whether a caller stops waiting; called a few times a second.
using GiveUp = std::function<bool()>;

// For whom an agent is called.
struct CallFor {
  std::string on_behalf_of;  // see OnBehalfOfText()
  GiveUp give_up;
};

// The outcome of an action. `response` is complete if `status` is OK; if it is INTERNAL, `response`
// has what was done before the action failed: the moves, and the output so far.
struct PerformOutcome {
  absl::Status status;
  v1::PerformActionResponse response;
  // The agent was lost, or the action has not ended, so its outcome is not known. The agent returns
  // it to a call with the same operation id.
  bool unknown = false;
};

// The interfaces below are what the parts of the planner need of agents. Any thread. Errors other
// than those named are the agent's.

// Performs actions on hosts, for deployments.
class AgentCaller {
 public:
  virtual ~AgentCaller() = default;

  // UNAVAILABLE: it does not answer within connect_timeout; names the address.
  virtual absl::StatusOr<v1::GetHostStatusResponse> Status(const AgentAddress& address) = 0;

  // Performs an action. If the agent is lost during it, repeats the call with the same operation id
  // when the agent is back (within return_timeout). UNAVAILABLE: the first try did not reach it, so
  // nothing was done; ABORTED: it was lost and did not come back, so what was done is not known;
  // DEADLINE_EXCEEDED: not done within action_timeout, and perhaps still in progress; CANCELLED:
  // gave up, otherwise as ABORTED.
  virtual PerformOutcome Perform(const AgentAddress& address,
                                 const v1::PerformActionRequest& request,
                                 const GiveUp& give_up) = 0;

  // Waits until the agent answers with a boot id other than `before`. DEADLINE_EXCEEDED after
  // `timeout` (says whether it answers with the old one, or not at all); CANCELLED: gave up.
  virtual absl::StatusOr<std::string> AwaitReboot(const AgentAddress& address,
                                                  const std::string& before, absl::Duration timeout,
                                                  const GiveUp& give_up) = 0;
};

// Runs the command of a check on a host.
class CheckCaller {
 public:
  virtual ~CheckCaller() = default;

  virtual absl::StatusOr<v1::RunCheckResponse> RunCheck(const AgentAddress& address,
                                                        const v1::RunCheckRequest& request) = 0;
};

// Finds revisions, for plans.
class RevisionResolver {
 public:
  virtual ~RevisionResolver() = default;

  // CANCELLED: gave up.
  virtual absl::StatusOr<v1::ResolveRevisionResponse> ResolveRevision(
      const AgentAddress& address, const v1::ResolveRevisionRequest& request,
      const GiveUp& give_up) = 0;
};

// A request of the planner's callers about one service of many hosts.
using ServiceRequest =
    std::variant<v1::FreezeServiceRequest, v1::UnfreezeServiceRequest, v1::RollbackServiceRequest,
                 v1::PullServiceRequest, v1::DiffServiceRequest, v1::GetServiceRequest>;

class ServiceCaller {
 public:
  virtual ~ServiceCaller() = default;

  // Forwards the request, and puts the answer into `outcome`: service, changed, diff. CANCELLED:
  // gave up.
  virtual absl::Status Call(const AgentAddress& address, const CallFor& caller,
                            const ServiceRequest& request, v1::HostOutcome* outcome) = 0;
  // What the agent tells about itself.
  virtual absl::StatusOr<v1::DebugInfo> DebugInfo(const AgentAddress& address,
                                                  const CallFor& caller) = 0;
};

// Reads the audits of agents.
class AuditCaller {
 public:
  virtual ~AuditCaller() = default;

  virtual absl::StatusOr<v1::ListAuditResponse> ListAudit(const AgentAddress& address,
                                                          const CallFor& caller,
                                                          const v1::ListAuditRequest& request) = 0;
  virtual absl::StatusOr<v1::VerifyAuditResponse> VerifyAudit(
      const AgentAddress& address, const CallFor& caller,
      const v1::VerifyAuditRequest& request) = 0;
};

// Dials agents. Channels are kept and shared by address.
class AgentClient : public AgentCaller,
                    public CheckCaller,
                    public RevisionResolver,
                    public ServiceCaller,
                    public AuditCaller {};

std::unique_ptr<AgentClient> NewAgentClient(AgentCallerOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_AGENT_CALLER_H_
