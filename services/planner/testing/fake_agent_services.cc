// What a test scripts and sees of the fake agents, and their services as AgentService has them.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "services/planner/testing/fake_agent_caller.h"

namespace gitops {

void FakeAgentCaller::Add(const std::string& address, FakeAgent agent) {
  MutexLock lock(mutex_);
  agents_[address] = {.agent = std::move(agent), .running = "", .outcomes = {}};
}

void FakeAgentCaller::Add(const std::string& address,
                          const std::map<std::string, std::string>& hashes) {
  FakeAgent agent;
  for (const auto& [service, hash] : hashes) agent.services[service].hash = hash;
  Add(address, std::move(agent));
}

FakeAgent FakeAgentCaller::Look(const std::string& address) {
  MutexLock lock(mutex_);
  const auto found = agents_.find(address);
  return found == agents_.end() ? FakeAgent{} : found->second.agent;
}

void FakeAgentCaller::Change(const std::string& address,
                             const std::function<void(FakeAgent&)>& change) {
  MutexLock lock(mutex_);
  change(agents_[address].agent);
  changed_.NotifyAll();
}

void FakeAgentCaller::SetUp(const std::string& address, bool up) {
  Change(address, [up](FakeAgent& agent) { agent.up = up; });
}

void FakeAgentCaller::BringBack(const std::string& address) {
  Change(address, [](FakeAgent& agent) {
    ++agent.boots;
    agent.up = true;
  });
}

std::string FakeAgentCaller::BootId(const std::string& address, int boots) {
  return absl::StrCat("boot-", boots, "-of-", address);
}

void FakeAgentCaller::SetTip(const std::string& hash, const std::string& branch) {
  MutexLock lock(mutex_);
  tips_[branch] = hash;
}

void FakeAgentCaller::SetCheck(const std::vector<std::string>& cmd, int exit_status,
                               const std::string& output) {
  MutexLock lock(mutex_);
  checks_[cmd] = {exit_status, output};
}

void FakeAgentCaller::AddFault(FakeFault fault) {
  MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FakeAgentCaller::ClearFaults() {
  MutexLock lock(mutex_);
  faults_.clear();
}

void FakeAgentCaller::FailAction(const std::string& address, const std::string& action,
                                 absl::StatusCode code) {
  AddFault({.address = address, .action = action, .code = code});
}

void FakeAgentCaller::FailNth(int n, absl::StatusCode code) {
  AddFault({.skip = n - 1, .times = 1, .code = code});
}

void FakeAgentCaller::Hold(const std::string& action) {
  AddFault({.action = action, .hang = true});
}

void FakeAgentCaller::HoldCalls(const std::string& method) {
  MutexLock lock(mutex_);
  held_methods_.insert(method);
}

absl::Status FakeAgentCaller::PassHold(const std::string& method, const GiveUp& give_up) {
  {
    MutexLock lock(mutex_);
    if (!held_methods_.contains(method)) return absl::OkStatus();
  }
  if (gate_.Pass(give_up)) return absl::OkStatus();
  return absl::CancelledError("gave up waiting for the agent");
}

void FakeAgentCaller::Release() {
  {
    MutexLock lock(mutex_);
    for (FakeFault& fault : faults_) fault.hang = false;
    held_methods_.clear();
  }
  gate_.Release();
}

void FakeAgentCaller::OnPerform(
    std::function<void(const std::string&, const v1::PerformActionRequest&)> on_perform) {
  MutexLock lock(mutex_);
  on_perform_ = std::move(on_perform);
}

std::vector<FakePerformed> FakeAgentCaller::performed() {
  MutexLock lock(mutex_);
  return performed_;
}

std::vector<std::string> FakeAgentCaller::ActionsOn(const std::string& address) {
  MutexLock lock(mutex_);
  std::vector<std::string> actions;
  for (const FakePerformed& performed : performed_) {
    if (performed.address != address || performed.repeated) continue;
    actions.push_back(performed.request.action());
  }
  return actions;
}

int FakeAgentCaller::peak() {
  MutexLock lock(mutex_);
  return peak_;
}

void FakeAgentCaller::ResetPeak() {
  MutexLock lock(mutex_);
  peak_ = active_;
}

int FakeAgentCaller::status_calls() {
  MutexLock lock(mutex_);
  return status_calls_;
}

int64_t FakeAgentCaller::checks_run() {
  MutexLock lock(mutex_);
  return checks_run_;
}

absl::StatusOr<FakeAgentCaller::Known*> FakeAgentCaller::Reach(const std::string& address) {
  const auto found = agents_.find(address);
  if (found == agents_.end() || !found->second.agent.up) {
    return absl::UnavailableError(
        absl::StrCat("cannot reach the agent at ", address, ": connection refused"));
  }
  return &found->second;
}

absl::StatusOr<FakeService*> FakeAgentCaller::Find(const std::string& address,
                                                   const std::string& service) {
  const absl::StatusOr<Known*> known = Reach(address);
  if (!known.ok()) return known.status();
  const auto found = (*known)->agent.services.find(service);
  if (found == (*known)->agent.services.end()) {
    return MakeError(Reason::kServiceUnknown,
                     absl::StrCat("no service \"", service, "\" on this host"));
  }
  return &found->second;
}

v1::Service FakeAgentCaller::ToProto(const std::string& address, const std::string& name,
                                     const FakeService& service) {
  v1::Service proto;
  proto.set_host(address);
  proto.set_service(name);
  proto.set_state(service.frozen_by.empty() ? v1::SERVICE_STATE_OK : v1::SERVICE_STATE_FREEZE);
  proto.set_hash(service.hash);
  proto.set_frozen_by(service.frozen_by);
  proto.set_upstream(service.upstream);
  proto.set_branch(service.branch);
  proto.set_tracking(service.coordinated ? v1::TRACKING_COORDINATED : v1::TRACKING_AUTO);
  return proto;
}

absl::StatusOr<v1::ResolveRevisionResponse> FakeAgentCaller::ResolveRevision(
    const std::string& address, const v1::ResolveRevisionRequest& request, const GiveUp& give_up) {
  constexpr size_t kWholeHash = 40;
  if (absl::Status held = PassHold("ResolveRevision", give_up); !held.ok()) return held;
  MutexLock lock(mutex_);
  const absl::StatusOr<FakeService*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  v1::ResolveRevisionResponse response;
  response.set_upstream((*service)->upstream);
  response.set_branch((*service)->branch);
  const auto tip = tips_.find((*service)->branch);
  if (request.revision().size() == kWholeHash) {
    response.set_hash(request.revision());
  } else if (request.revision().empty() && tip != tips_.end()) {
    response.set_hash(tip->second);
  } else {
    return MakeError(Reason::kRevisionUnknown, absl::StrCat("no commit \"", request.revision(),
                                                            "\" on branch ", (*service)->branch));
  }
  return response;
}

absl::StatusOr<v1::Service> FakeAgentCaller::Freeze(const std::string& address,
                                                    const CallFor& caller,
                                                    const v1::FreezeServiceRequest& request) {
  if (absl::Status held = PassHold("Freeze", caller.give_up); !held.ok()) return held;
  MutexLock lock(mutex_);
  const absl::StatusOr<FakeService*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  (*service)->frozen_by = caller.on_behalf_of;
  return ToProto(address, request.service(), **service);
}

absl::StatusOr<v1::Service> FakeAgentCaller::Unfreeze(const std::string& address,
                                                      const CallFor& caller,
                                                      const v1::UnfreezeServiceRequest& request) {
  if (absl::Status held = PassHold("Unfreeze", caller.give_up); !held.ok()) return held;
  MutexLock lock(mutex_);
  const absl::StatusOr<FakeService*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  (*service)->frozen_by = "";
  return ToProto(address, request.service(), **service);
}

absl::StatusOr<v1::Service> FakeAgentCaller::Rollback(const std::string& address,
                                                      const CallFor& caller,
                                                      const v1::RollbackServiceRequest& request) {
  if (absl::Status held = PassHold("Rollback", caller.give_up); !held.ok()) return held;
  MutexLock lock(mutex_);
  const absl::StatusOr<FakeService*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  (*service)->hash = request.hash();
  (*service)->frozen_by = caller.on_behalf_of;
  v1::Service proto = ToProto(address, request.service(), **service);
  proto.set_pinned_hash(request.hash());
  return proto;
}

absl::StatusOr<v1::PullServiceResponse> FakeAgentCaller::Pull(
    const std::string& address, const CallFor& caller, const v1::PullServiceRequest& request) {
  if (absl::Status held = PassHold("Pull", caller.give_up); !held.ok()) return held;
  MutexLock lock(mutex_);
  const absl::StatusOr<FakeService*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  if (!(*service)->frozen_by.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(request.service(), " is frozen by ", (*service)->frozen_by));
  }
  v1::PullServiceResponse response;
  const auto tip = tips_.find((*service)->branch);
  response.set_changed(tip != tips_.end() && tip->second != (*service)->hash);
  if (response.changed()) (*service)->hash = tip->second;
  *response.mutable_service() = ToProto(address, request.service(), **service);
  return response;
}

absl::StatusOr<v1::DiffServiceResponse> FakeAgentCaller::Diff(
    const std::string& address, const CallFor& caller, const v1::DiffServiceRequest& request) {
  if (absl::Status held = PassHold("Diff", caller.give_up); !held.ok()) return held;
  MutexLock lock(mutex_);
  const absl::StatusOr<FakeService*> service = Find(address, request.service());
  if (!service.ok()) return service.status();
  v1::DiffServiceResponse response;
  response.set_hash((*service)->hash);
  return response;
}

}  // namespace gitops
