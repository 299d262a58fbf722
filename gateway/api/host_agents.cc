#include "gateway/api/host_agents.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "gitops/v1/agent.pb.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {
namespace {

// Idle channels cost memory.
constexpr size_t kMaxDialled = 1000;

template <typename Request>
const google::protobuf::MethodDescriptor& MethodOf(const char* service, const char* method) {
  return *Request::descriptor()->file()->FindServiceByName(service)->FindMethodByName(method);
}

bool IsMachine(const v1::ListMachinesResponse& answer, const std::string& host) {
  return std::any_of(answer.machines().begin(), answer.machines().end(), [&](const auto& machine) {
    return machine.machine() == host || machine.actual() == host;
  });
}

}  // namespace

void HostAgents::Find(const std::string& host, const RpcCaller::Options& call, Found found) {
  if (options_.planner == nullptr) {
    return AskAgent(host, call,
                    MakeError(Reason::kHostUnknown,
                              absl::StrCat("this gateway has no agent of the host \"", host, "\""),
                              {{"host", host}}),
                    found);
  }
  auto request = std::make_unique<v1::GetHostRequest>();
  request->set_host(host);
  const auto done = [this, host, call,
                     found](absl::StatusOr<std::unique_ptr<RpcCaller::Message>> answer) {
    if (!answer.ok()) return AskAgent(host, call, answer.status(), found);
    const v1::Host& known = static_cast<v1::GetHostResponse&>(**answer).host();
    found(AgentAt(known.host(), known.address()));
  };
  options_.caller->Unary(options_.planner,
                         MethodOf<v1::GetHostRequest>("PlannerService", "GetHost"),
                         std::move(request), call, done);
}

// `otherwise`: the error if the only agent is of another host.
void HostAgents::AskAgent(const std::string& host, const RpcCaller::Options& call,
                          const absl::Status& otherwise, const Found& found) {
  if (options_.agent == nullptr) return found(otherwise);
  const auto done = [agent = options_.agent, host, otherwise,
                     found](absl::StatusOr<std::unique_ptr<RpcCaller::Message>> answer) {
    if (!answer.ok()) return found(answer.status());
    const bool is_it = IsMachine(static_cast<const v1::ListMachinesResponse&>(**answer), host);
    found(is_it ? AgentOr(agent) : AgentOr(otherwise));
  };
  options_.caller->Unary(options_.agent,
                         MethodOf<v1::ListMachinesRequest>("AgentService", "ListMachines"),
                         std::make_unique<v1::ListMachinesRequest>(), call, done);
}

HostAgents::AgentOr HostAgents::AgentAt(const std::string& host, const std::string& address) {
  if (address.empty()) {
    return MakeError(Reason::kHostUnreachable,
                     absl::StrCat("the planner has no address of the host \"", host,
                                  "\"; give it one in [[hosts]]"),
                     {{"host", host}});
  }
  MutexLock lock(mutex_);
  const std::string key = absl::StrCat(host, " ", address);
  if (const auto known = dialled_.find(key); known != dialled_.end()) return known->second;
  ChannelOptions channel;
  channel.address = address;
  channel.default_port = kAgentPort;
  channel.insecure = options_.insecure;
  channel.tls_dir = options_.tls_dir;
  channel.server = ServerIdentity{.role = Role::kAgent, .name = host};
  absl::StatusOr<std::shared_ptr<Backend>> agent =
      Backend::New("agent", "gitops-agent", Reason::kHostUnreachable, std::move(channel));
  if (!agent.ok()) {
    return MakeError(Reason::kHostUnreachable,
                     absl::StrCat("the agent of the host \"", host,
                                  "\" cannot be called: ", agent.status().message()),
                     {{"host", host}});
  }
  if (dialled_.size() >= kMaxDialled) dialled_.erase(dialled_.begin());
  dialled_[key] = *agent;
  return *agent;
}

}  // namespace gitops
