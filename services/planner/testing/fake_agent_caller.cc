#include "services/planner/testing/fake_agent_caller.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "services/planner/testing/fake_agent_actions.h"

namespace gitops {
namespace {

absl::Status Unreachable(const std::string& address) {
  return MakeError(Reason::kHostUnreachable,
                   absl::StrCat("cannot reach the agent at ", address, ": connection refused"));
}

// With the reasons of the real one.
absl::Status StatusOf(absl::StatusCode code, const std::string& message) {
  if (code == absl::StatusCode::kUnavailable) return MakeError(Reason::kHostUnreachable, message);
  if (code == absl::StatusCode::kAborted) return MakeError(Reason::kHostLost, message);
  return absl::Status(code, message);
}

}  // namespace

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

void FakeAgentCaller::Release() {
  {
    MutexLock lock(mutex_);
    for (FakeFault& fault : faults_) fault.hang = false;
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

FakeFault FakeAgentCaller::TakeFault(const std::string& address, const std::string& action) {
  FakeFault taken;
  bool found = false;
  for (FakeFault& fault : faults_) {
    const bool matches = (fault.address.empty() || fault.address == address) &&
                         (fault.action.empty() || fault.action == action);
    if (!matches) continue;
    if (fault.skip > 0) {
      --fault.skip;
    } else if (!found && fault.times > 0) {
      --fault.times;
      taken = fault;
      found = true;
    }
  }
  return taken;
}

bool FakeAgentCaller::Repeated(const std::string& address, const std::string& operation,
                               Outcome& outcome) {
  while (agents_[address].running == operation) changed_.Wait(mutex_);
  const Known& known = agents_[address];
  const auto found = known.outcomes.find(operation);
  if (found == known.outcomes.end()) return false;
  outcome = found->second;
  outcome.response.set_repeated_operation(true);
  return true;
}

size_t FakeAgentCaller::Begin(const std::string& address, const v1::PerformActionRequest& request) {
  Known& known = agents_[address];
  if (!known.running.empty()) {
    ADD_FAILURE() << "two actions at a time on " << address << ": " << request.action() << " ("
                  << request.operation().id() << ") while " << known.running << " is under way";
  }
  known.running = request.operation().id();
  known.agent.fencing = request.operation().fencing();
  peak_ = std::max(peak_, ++active_);
  performed_.push_back({.address = address, .request = request});
  return performed_.size() - 1;
}

PerformOutcome FakeAgentCaller::End(size_t entry, const Outcome& outcome, bool remember) {
  FakePerformed& performed = performed_[entry];
  Known& known = agents_[performed.address];
  if (known.running == performed.request.operation().id()) known.running.clear();
  if (remember) known.outcomes[performed.request.operation().id()] = outcome;
  performed.ended = true;
  performed.code = outcome.code;
  --active_;
  changed_.NotifyAll();
  return {.status = StatusOf(outcome.code, outcome.message),
          .response = outcome.response,
          .unknown = false};
}

FakeAgentCaller::Outcome FakeAgentCaller::Carry(const std::string& address,
                                                const v1::PerformActionRequest& request,
                                                const FakeFault& fault) {
  const bool fails = fault.code != absl::StatusCode::kOk;
  const int most_moves = fails && !fault.after_effect ? fault.moves : -1;
  PerformOutcome done;
  if (!fails || fault.after_effect || (request.action() == "sync" && fault.moves > 0)) {
    FakeAgent& agent = agents_[address].agent;
    done = ActOn(agent, BootId(address, agent.boots), request, most_moves);
  }
  if (fails && !fault.after_effect && done.status.ok()) {
    return {.code = fault.code, .message = fault.message, .response = std::move(done.response)};
  }
  return {.code = done.status.code(),
          .message = std::string(done.status.message()),
          .response = std::move(done.response)};
}

PerformOutcome FakeAgentCaller::Perform(const AgentAddress& address,
                                        const v1::PerformActionRequest& request,
                                        const GiveUp& give_up) {
  std::function<void(const std::string&, const v1::PerformActionRequest&)> on_perform;
  FakeFault fault;
  size_t entry = 0;
  {
    MutexLock lock(mutex_);
    const auto known = agents_.find(address);
    const bool is_up = known != agents_.end() && known->second.agent.up;
    if (!is_up && known != agents_.end() && known->second.agent.connected) {
      return {.status =
                  absl::AbortedError(absl::StrCat("the agent at ", address.address, " went away")),
              .response = {},
              .unknown = true};
    }
    if (!is_up) return {.status = Unreachable(address), .response = {}, .unknown = false};
    if (request.operation().id().empty() || request.operation().fencing() <= 0) {
      return {.status = absl::InvalidArgumentError("no operation id or fencing number"),
              .response = {},
              .unknown = false};
    }
    Outcome outcome;
    if (Repeated(address, request.operation().id(), outcome)) {
      performed_.push_back({address, request, true, true, outcome.code});
      return {.status = absl::Status(outcome.code, outcome.message),
              .response = std::move(outcome.response),
              .unknown = false};
    }
    if (request.operation().fencing() < known->second.agent.fencing) {
      return {.status = absl::FailedPreconditionError(
                  absl::StrCat("fencing number ", request.operation().fencing(),
                               " is past: ", known->second.agent.fencing, " was seen")),
              .response = {},
              .unknown = false};
    }
    entry = Begin(address, request);
    fault = TakeFault(address, request.action());
    on_perform = on_perform_;
  }
  if (on_perform) on_perform(address, request);
  const bool gave_up = fault.hang && !gate_.Pass(give_up);
  MutexLock lock(mutex_);
  if (gave_up) {
    return End(entry, {absl::StatusCode::kCancelled, "gave up waiting for the agent", {}}, false);
  }
  Outcome outcome = Carry(address, request, fault);
  if (fault.code == absl::StatusCode::kOk) return End(entry, outcome, true);
  const bool unknown =
      fault.code == absl::StatusCode::kAborted || fault.code == absl::StatusCode::kDeadlineExceeded;
  const bool lost =
      fault.code == absl::StatusCode::kUnavailable || fault.code == absl::StatusCode::kAborted;
  if (fault.after_effect) agents_[address].outcomes[request.operation().id()] = outcome;
  if (fault.after_effect) outcome = {fault.code, fault.message, {}};
  PerformOutcome ended = End(entry, outcome, !lost && !fault.after_effect);
  ended.unknown = unknown;
  return ended;
}

absl::StatusOr<std::string> FakeAgentCaller::AwaitReboot(const AgentAddress& address,
                                                         const std::string& before,
                                                         absl::Duration timeout,
                                                         const GiveUp& give_up) {
  constexpr std::chrono::milliseconds kAskEvery(2);
  MutexLock lock(mutex_);
  while (true) {
    const FakeAgent& agent = agents_[address].agent;
    const std::string boot_id = BootId(address, agent.boots);
    if (agent.up && boot_id != before) return boot_id;
    if (agent.reboot == FakeReboot::kStaysDown || agent.reboot == FakeReboot::kIgnores) {
      return absl::DeadlineExceededError(absl::StrCat(
          "the agent at ", address.address, " is not back after ", absl::FormatDuration(timeout),
          ": ", agent.up ? "it answers with the boot it had" : "it does not answer"));
    }
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kAskEvery);
    mutex_.Unlock();
    const bool gave_up = give_up && give_up();
    mutex_.Lock();
    if (gave_up) return absl::CancelledError("gave up waiting for the reboot");
  }
}

absl::StatusOr<v1::GetHostStatusResponse> FakeAgentCaller::Status(const AgentAddress& address) {
  MutexLock lock(mutex_);
  ++status_calls_;
  const auto known = agents_.find(address);
  if (known == agents_.end() || !known->second.agent.up) return Unreachable(address);
  const FakeAgent& agent = known->second.agent;
  v1::GetHostStatusResponse response;
  response.set_boot_id(BootId(address, agent.boots));
  response.set_version("test");
  response.set_fencing(agent.fencing);
  response.set_has_nix(agent.has_nix);
  return response;
}

}  // namespace gitops
