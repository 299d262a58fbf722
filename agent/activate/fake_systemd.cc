#include "agent/activate/fake_systemd.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/config/unit_verbs.h"

namespace gitops {

UnitProperties FakeSystemd::Service(const std::string& active_state, const std::string& sub_state) {
  UnitProperties unit;
  unit.load_state = "loaded";
  unit.active_state = active_state;
  unit.sub_state = sub_state;
  unit.result = "success";
  unit.type = "simple";
  unit.unit_file_state = "enabled";
  unit.invocation_id = "first";
  return unit;
}

void FakeSystemd::SetUnit(const std::string& unit, UnitProperties properties) {
  MutexLock lock(mutex_);
  units_[unit].properties = std::move(properties);
  units_[unit].properties.id = unit;
}

void FakeSystemd::SetVerb(const std::string& unit, const std::string& verb, absl::Status result,
                          UnitProperties after) {
  MutexLock lock(mutex_);
  units_[unit].verbs[verb] = {std::move(result), std::move(after)};
}

void FakeSystemd::Then(const std::string& unit, UnitProperties next) {
  MutexLock lock(mutex_);
  units_[unit].to_come.push_back(std::move(next));
}

void FakeSystemd::FailCall(int n, absl::Status error) {
  MutexLock lock(mutex_);
  failures_[calls_ + n] = std::move(error);
}

void FakeSystemd::HangWaits() {
  MutexLock lock(mutex_);
  hang_ = true;
}

bool FakeSystemd::AwaitHanging() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  MutexLock lock(mutex_);
  while (hanging_ == 0) {
    if (!changed_.WaitUntil(mutex_, deadline)) return hanging_ > 0;
  }
  return true;
}

std::vector<std::string> FakeSystemd::changes() {
  MutexLock lock(mutex_);
  return changes_;
}

int FakeSystemd::calls() {
  MutexLock lock(mutex_);
  return calls_;
}

UnitProperties FakeSystemd::unit(const std::string& unit) {
  MutexLock lock(mutex_);
  return units_[unit].properties;
}

absl::Status FakeSystemd::Count() {
  auto failure = failures_.find(++calls_);
  return failure == failures_.end() ? absl::OkStatus() : failure->second;
}

absl::Status FakeSystemd::Hang(std::stop_token stop) {
  std::stop_callback wake(stop, [this] { changed_.NotifyAll(); });
  ++hanging_;
  changed_.NotifyAll();
  // Checked periodically: the stop may come between the check and the wait.
  while (!stop.stop_requested()) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  }
  --hanging_;
  return absl::CancelledError("stopped");
}

absl::Status FakeSystemd::Reload(absl::Time, std::stop_token) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  changes_.push_back("daemon-reload");
  for (auto& [name, unit] : units_) unit.properties.need_daemon_reload = false;
  return absl::OkStatus();
}

absl::Status FakeSystemd::RunVerb(const std::string& unit, const std::string& verb, absl::Time,
                                  std::stop_token stop) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  if (FindUnitVerb(verb) == nullptr)
    return absl::InvalidArgumentError(verb + " is no systemd verb");
  changes_.push_back(absl::StrCat(verb, " ", unit));
  auto found = units_.find(unit);
  if (found == units_.end()) {
    return absl::FailedPreconditionError(absl::StrCat("unit ", unit, " is not known to systemd"));
  }
  return DoVerb(found->second, verb);
}

absl::Status FakeSystemd::DoVerb(Unit& unit, const std::string& verb) {
  if (auto told = unit.verbs.find(verb); told != unit.verbs.end()) {
    unit.properties = told->second.after;
    return told->second.result;
  }
  UnitProperties& properties = unit.properties;
  const bool runs = properties.active_state == "active";
  if (verb == "stop") {
    properties.active_state = "inactive";
    properties.sub_state = "dead";
    return absl::OkStatus();
  }
  if (verb == "reload") {
    return runs ? absl::OkStatus() : absl::FailedPreconditionError("the unit does not run");
  }
  const bool reloads = absl::StrContains(verb, "reload") && runs;
  if (reloads || (verb == "start" && runs) || (absl::StrContains(verb, "try-") && !runs)) {
    return absl::OkStatus();
  }
  properties.active_state = "active";
  properties.sub_state = "running";
  properties.result = "success";
  properties.restarts = 0;
  properties.invocation_id = absl::StrCat("start-", ++starts_);
  return absl::OkStatus();
}

absl::StatusOr<UnitProperties> FakeSystemd::Properties(const std::string& unit, absl::Time,
                                                       std::stop_token) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  auto found = units_.find(unit);
  if (found != units_.end()) return found->second.properties;
  UnitProperties none;
  none.id = unit;
  none.load_state = "not-found";
  none.active_state = "inactive";
  none.sub_state = "dead";
  return none;
}

absl::StatusOr<UnitProperties> FakeSystemd::State(const std::string& unit, absl::Time deadline,
                                                  std::stop_token stop) {
  absl::StatusOr<UnitProperties> all = Properties(unit, deadline, stop);
  if (!all.ok()) return all;
  UnitProperties state;
  state.id = all->id;
  state.load_state = all->load_state;
  state.active_state = all->active_state;
  state.sub_state = all->sub_state;
  return state;
}

absl::Status FakeSystemd::Enable(const std::string& unit, absl::Time, std::stop_token) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  changes_.push_back("enable " + unit);
  units_[unit].properties.unit_file_state = "enabled";
  return absl::OkStatus();
}

absl::Status FakeSystemd::ResetFailed(const std::string& unit, absl::Time, std::stop_token) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  UnitProperties& properties = units_[unit].properties;
  if (properties.active_state != "failed") return absl::OkStatus();
  changes_.push_back("reset-failed " + unit);
  properties.active_state = "inactive";
  properties.sub_state = "dead";
  properties.result = "success";
  return absl::OkStatus();
}

absl::Status FakeSystemd::Reboot(absl::Time, std::stop_token) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  changes_.push_back("reboot");
  return absl::OkStatus();
}

absl::StatusOr<UnitProperties> FakeSystemd::WaitForUnit(
    const std::string& unit, const std::function<bool(const UnitProperties&)>& until, absl::Time,
    std::stop_token stop) {
  MutexLock lock(mutex_);
  if (absl::Status failure = Count(); !failure.ok()) return failure;
  Unit& entry = units_[unit];
  while (!until(entry.properties)) {
    if (entry.to_come.empty()) {
      return hang_ ? Hang(stop) : absl::DeadlineExceededError("nothing more happens");
    }
    entry.properties = entry.to_come.front();
    entry.to_come.pop_front();
  }
  return entry.properties;
}

}  // namespace gitops
