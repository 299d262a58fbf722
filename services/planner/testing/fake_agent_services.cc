#include "services/planner/testing/fake_agent_services.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {

void FakeAgentServices::Add(const std::string& address,
                            const std::map<std::string, std::string>& hashes) {
  MutexLock lock(mutex_);
  agents_[address] = {};
  for (const auto& [service, hash] : hashes) agents_[address].services[service].hash = hash;
}

void FakeAgentServices::SetUp(const std::string& address, bool up) {
  MutexLock lock(mutex_);
  agents_[address].up = up;
}

void FakeAgentServices::SetTip(const std::string& hash) {
  MutexLock lock(mutex_);
  tip_ = hash;
}

void FakeAgentServices::SetTouched(const std::string& address,
                                   const std::vector<std::string>& services) {
  MutexLock lock(mutex_);
  agents_[address].touched.emplace().mutable_services()->Assign(services.begin(), services.end());
}

std::vector<std::string> FakeAgentServices::resolvers() {
  MutexLock lock(mutex_);
  return resolvers_;
}

v1::DiffServiceRequest FakeAgentServices::last_diff() {
  MutexLock lock(mutex_);
  return last_diff_;
}

FakeAgentServices::Service FakeAgentServices::Look(const std::string& address,
                                                   const std::string& service) {
  MutexLock lock(mutex_);
  const absl::StatusOr<Service*> found = Find(address, service);
  return found.ok() ? **found : Service();
}

void FakeAgentServices::Hang(const std::string& request) {
  MutexLock lock(mutex_);
  hanging_.insert(request);
}

absl::Status FakeAgentServices::Arrive(const std::string& request, const GiveUp& give_up) {
  {
    MutexLock lock(mutex_);
    if (!hanging_.contains(request)) return absl::OkStatus();
  }
  if (gate_.Pass(give_up)) return absl::OkStatus();
  return absl::CancelledError("gave up waiting for the agent");
}

absl::StatusOr<FakeAgentServices::Service*> FakeAgentServices::Find(const std::string& address,
                                                                    const std::string& service) {
  const auto agent = agents_.find(address);
  if (agent == agents_.end() || !agent->second.up) {
    return MakeError(Reason::kHostUnreachable,
                     absl::StrCat("cannot reach the agent at ", address, ": connection refused"));
  }
  const auto found = agent->second.services.find(service);
  if (found != agent->second.services.end()) return &found->second;
  return MakeError(Reason::kServiceUnknown,
                   absl::StrCat("no service \"", service, "\" on this host"));
}

absl::StatusOr<v1::ResolveRevisionResponse> FakeAgentServices::ResolveRevision(
    const AgentAddress& address, const v1::ResolveRevisionRequest& request, const GiveUp& give_up) {
  constexpr size_t kWholeHash = 40;
  if (absl::Status status = Arrive("ResolveRevisionRequest", give_up); !status.ok()) return status;
  MutexLock lock(mutex_);
  const absl::StatusOr<Service*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  const std::string& hash = request.revision().empty() ? tip_ : request.revision();
  if (hash.size() != kWholeHash) {
    return MakeError(Reason::kRevisionUnknown, absl::StrCat("no commit \"", hash, "\""));
  }
  v1::ResolveRevisionResponse response;
  response.set_hash(hash);
  response.mutable_commit()->set_hash(hash);
  response.mutable_commit()->set_subject("Commit " + hash.substr(0, 4));
  resolvers_.push_back(address);
  const Agent& agent = agents_.at(address);
  if (agent.touched.has_value()) *response.mutable_touched_services() = *agent.touched;
  return response;
}

absl::StatusOr<v1::DebugInfo> FakeAgentServices::DebugInfo(const AgentAddress& address,
                                                           const CallFor&) {
  MutexLock lock(mutex_);
  const auto agent = agents_.find(address);
  if (agent == agents_.end() || !agent->second.up) {
    return MakeError(Reason::kHostUnreachable, "cannot reach the agent at " + address.address);
  }
  v1::DebugInfo info;
  info.set_component("agent");
  info.set_version(address);
  return info;
}

absl::Status FakeAgentServices::Call(const AgentAddress& address, const CallFor& caller,
                                     const ServiceRequest& request, v1::HostOutcome* outcome) {
  const auto [kind, name] = std::visit(
      [](const auto& one) { return std::pair(one.GetDescriptor()->name(), one.service()); },
      request);
  if (absl::Status status = Arrive(kind, caller.give_up); !status.ok()) return status;
  MutexLock lock(mutex_);
  const absl::StatusOr<Service*> found = Find(address, name);
  if (!found.ok()) return found.status();
  Service& service = **found;
  if (std::holds_alternative<v1::DiffServiceRequest>(request)) {
    last_diff_ = std::get<v1::DiffServiceRequest>(request);
    outcome->mutable_diff()->set_hash(service.hash);
    return absl::OkStatus();
  }
  if (std::holds_alternative<v1::GetServiceRequest>(request)) {
    outcome->mutable_service()->add_revisions(service.hash);
    outcome->mutable_service()->add_changes()->set_to_hash(service.hash);
  } else if (std::holds_alternative<v1::FreezeServiceRequest>(request)) {
    service.frozen_by = caller.on_behalf_of;
  } else if (std::holds_alternative<v1::UnfreezeServiceRequest>(request)) {
    service.frozen_by = "";
  } else if (const auto* back = std::get_if<v1::RollbackServiceRequest>(&request)) {
    service.hash = back->hash();
    service.frozen_by = caller.on_behalf_of;
    outcome->mutable_service()->set_pinned_hash(back->hash());
  } else if (!service.frozen_by.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(name, " is frozen by ", service.frozen_by));
  } else if (!tip_.empty() && tip_ != service.hash) {
    service.hash = tip_;
    outcome->set_changed(true);
  }
  v1::Service& shown = *outcome->mutable_service();
  shown.set_host(address);
  shown.set_service(name);
  shown.set_state(service.frozen_by.empty() ? v1::SERVICE_STATE_OK : v1::SERVICE_STATE_FREEZE);
  shown.set_hash(service.hash);
  shown.set_frozen_by(service.frozen_by);
  return absl::OkStatus();
}

}  // namespace gitops
