#ifndef GITOPS_AGENT_CONTROLLER_TOLD_PLANNER_H_
#define GITOPS_AGENT_CONTROLLER_TOLD_PLANNER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/controller/host_agent.h"
#include "common/sync/mutex.h"

namespace gitops {

// For tests: what a planner knows of a host agent from what it tells, as the reporter sends it and
// the planner applies it. Thread-safe.
class ToldPlanner {
 public:
  struct Known {
    State state = State::kOk;
    std::string info, hash, target;
    absl::Time change_time;
    int64_t generation = 0;

    bool operator==(const Known&) const = default;
  };
  static Known Of(const ServiceRecord& record) {
    return {record.state,  record.info,        record.hash,
            record.target, record.change_time, record.generation};
  }

  // Listens to an agent with these options, after the one before it has ended.
  void Listen(HostAgentOptions& options) {
    options.on_change = [this, other = std::move(options.on_change)](
                            const std::string& service, const ServiceView& view, bool noted) {
      if (other) other(service, view, noted);
      if (!noted) Changed(service);
    };
    options.on_removed = [this](const std::string& service) { Changed(service); };
    options.on_tips_begin = [this] {
      MutexLock lock(mutex_);
      ++rounds_;
    };
    options.on_tips_end = [this](const std::vector<TipMove>& moves) {
      MutexLock lock(mutex_);
      for (const TipMove& move : moves) Apply(move);
      moves_.insert(moves_.end(), moves.begin(), moves.end());
      if (--rounds_ > 0) return;
      for (const std::string& service : std::exchange(pending_, {})) Report(service);
    };
  }

  // Before its services run.
  void Attach(HostAgent* agent) {
    MutexLock lock(mutex_);
    agent_ = agent;
  }

  // A service that it does not know has generation 0.
  Known What(const std::string& service) {
    MutexLock lock(mutex_);
    const auto found = services_.find(service);
    return found == services_.end() ? Known() : found->second.known;
  }
  std::vector<TipMove> moves() {
    MutexLock lock(mutex_);
    return moves_;
  }
  // How often a service was reported by itself.
  int reports() {
    MutexLock lock(mutex_);
    return reports_;
  }

 private:
  struct Service {
    Known known;
    std::string user, branch;
    bool coordinated = false;
  };

  void Changed(const std::string& service) {
    MutexLock lock(mutex_);
    if (rounds_ > 0) {
      pending_.insert(service);
    } else {
      Report(service);
    }
  }

  void Report(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++reports_;
    auto controller = agent_->Find(name);
    if (!controller.ok()) {
      services_.erase(name);
      return;
    }
    const ServiceSpec& spec = (*controller)->spec();
    services_[name] = {Of((*controller)->View().record), spec.user, spec.branch,
                       spec.tracking == Tracking::kCoordinated};
  }

  void Apply(const TipMove& move) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::set<std::string> others(move.others.begin(), move.others.end());
    for (auto& [name, service] : services_) {
      const bool follows = service.branch == move.branch.branch && service.user == move.branch.user;
      if (!follows || others.contains(name) || pending_.contains(name)) continue;
      Known known = service.known;
      known.target = move.hash;
      if (!service.coordinated) known.hash = move.hash;
      if (known == service.known) continue;
      ++known.generation;
      service.known = known;
    }
  }

  Mutex mutex_;
  HostAgent* agent_ ABSL_GUARDED_BY(mutex_) = nullptr;
  int rounds_ ABSL_GUARDED_BY(mutex_) = 0;
  int reports_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> pending_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Service> services_ ABSL_GUARDED_BY(mutex_);
  std::vector<TipMove> moves_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_TOLD_PLANNER_H_
