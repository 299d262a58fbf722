#include "services/promotion_receiver/observe/fleet_observer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/fleet_view.h"

namespace gitops {
namespace {

constexpr absl::Duration kListTimeout = absl::Seconds(30);
constexpr char kNoWatch[] = "the planner's watch has not begun yet";

double Random() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

bool IsFleetService(const AppRef& app) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(app.api_version, absl::MaxSplits('/', 1));
  return parts.first == "gitops" && app.kind == "Service";
}

std::string InWords(const std::string& service, const v1::Selection& selection) {
  std::string text = absl::StrCat("service ", service, " on hosts");
  if (!selection.on().empty()) absl::StrAppend(&text, " ", absl::StrJoin(selection.on(), ","));
  if (!selection.tagged().empty()) {
    absl::StrAppend(&text, " tagged ", absl::StrJoin(selection.tagged(), ","));
  }
  if (selection.skip() > 0) absl::StrAppend(&text, " skip ", selection.skip());
  if (selection.every() > 1) absl::StrAppend(&text, " every ", selection.every());
  if (selection.limit() > 0) absl::StrAppend(&text, " limit ", selection.limit());
  return text;
}

bool SameWhereItCounts(const TargetObservation& a, const TargetObservation& b) {
  return std::tie(a.health, a.revision, a.since, a.mark, a.first_mark, a.deliberate, a.detail) ==
         std::tie(b.health, b.revision, b.since, b.mark, b.first_mark, b.deliberate, b.detail);
}

// A host as far as it decides about selections.
struct HostEntry {
  v1::Host host;
  std::map<std::string, v1::Service> services;
};

// One service on one selection of hosts.
struct FollowedTarget {
  explicit FollowedTarget(const std::string& in_words) : view(in_words) {}
  v1::Selection selection;
  std::string service;
  std::set<std::string> members;  // the selected hosts
  bool listed = false;            // `members` are known
  std::vector<EnvironmentName> environments;
  FleetView view;
  bool touched = false;  // since `told`
  TargetObservation told;

  void Take(const v1::WatchFleetResponse& answer, absl::Time now) {
    view.Take(answer, now);
    touched = true;
  }
  void Lose(const std::string& why) {
    view.Lose(why);
    touched = true;
  }
};

class FleetObserver final : public Observer {
 public:
  explicit FleetObserver(FleetObserverOptions options)
      : options_(std::move(options)), scheduler_(NewScheduler(options_.clock, 1)) {
    lister_ = scheduler_->Add(absl::InfiniteFuture(), [this] { return ListMembers(); });
    watcher_ = std::thread([this] { Watch(); });
  }

  ~FleetObserver() override {
    stopping_ = true;
    {
      MutexLock lock(mutex_);
      woken_.NotifyAll();
    }
    watcher_.join();
    lister_.reset();
  }

  void OnChange(std::function<void(const EnvironmentName&)> changed) override {
    MutexLock lock(mutex_);
    changed_ = std::move(changed);
  }

  void SetPipelines(const PipelineList& pipelines) override {
    {
      MutexLock lock(mutex_);
      std::map<std::string, std::unique_ptr<FollowedTarget>> before = std::exchange(targets_, {});
      by_environment_.clear();
      for (const auto& pipeline : pipelines) {
        if (!IsFleetService(pipeline->app)) continue;
        for (const Environment& environment : pipeline->environments) {
          Follow(*pipeline, environment, before);
        }
      }
      // What was not of interest until now was not kept.
      std::set<std::string> services;
      for (const auto& [key, target] : targets_) services.insert(target->service);
      if (!std::includes(services_.begin(), services_.end(), services.begin(), services.end())) {
        token_.clear();
        again_ = true;
      }
      services_ = std::move(services);
      woken_.NotifyAll();
    }
    lister_->Wake();
  }

  std::vector<TargetObservation> Of(const EnvironmentName& environment) override {
    MutexLock lock(mutex_);
    std::vector<TargetObservation> seen;
    const auto found = by_environment_.find(environment);
    if (found == by_environment_.end()) return seen;
    for (const FollowedTarget* const target : found->second) {
      seen.push_back(target->view.Observation());
    }
    return seen;
  }

  // The planner tells of changes by itself.
  void Look(const EnvironmentName&) override {}

 private:
  using Targets = std::map<std::string, std::unique_ptr<FollowedTarget>>;

  void Follow(const Pipeline& pipeline, const Environment& environment, Targets& before)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const EnvironmentName name{pipeline.namespace_, pipeline.name, environment.name};
    for (const Target& target : environment.targets) {
      if (!target.hosts.has_value()) continue;
      const std::string words = InWords(pipeline.app.name, *target.hosts);
      const std::string key =
          absl::StrCat(pipeline.app.name, "/", target.hosts->SerializeAsString());
      std::unique_ptr<FollowedTarget>& followed = targets_[key];
      if (followed == nullptr) {
        if (auto old = before.find(key); old != before.end()) followed = std::move(old->second);
        if (followed == nullptr) followed = std::make_unique<FollowedTarget>(words);
        followed->selection = *target.hosts;
        followed->service = pipeline.app.name;
        followed->environments.clear();
      }
      followed->environments.push_back(name);
      by_environment_[name].push_back(followed.get());
    }
  }

  PlannerClient Planner(absl::Time deadline, std::function<bool()> give_up) const {
    return options_.planner.For(
        {.user = options_.user, .deadline = deadline, .give_up = std::move(give_up)});
  }

  // The watcher's thread: one watch after the other.
  void Watch() {
    int failures = 0;
    while (true) {
      v1::WatchFleetRequest request;
      {
        MutexLock lock(mutex_);
        while (!stopping_ && targets_.empty()) woken_.Wait(mutex_);
        if (stopping_) return;
        again_ = false;
        request.set_resume_token(token_);
      }
      const auto give_up = [this] { return stopping_ || again_; };
      bool heard = false;
      const absl::Status ended =
          Planner(absl::InfiniteFuture(), give_up)
              .WatchFleet(request, [&](const v1::WatchFleetResponse& answer) {
                heard = true;
                Take(answer);
                return true;
              });
      if (stopping_) return;
      failures = heard || again_ ? 0 : failures + 1;
      LoseAll(again_ ? kNoWatch : std::string(ended.message()));
      if (!again_) Pause(failures, ended);
    }
  }

  void Pause(int failures, const absl::Status& ended) {
    if (failures <= 1) {
      LogWarning("The watch of the fleet has ended; trying again", {{"error", ended.ToString()}});
    }
    // The planner no longer knows the token, or refuses it.
    const bool refused = absl::IsInvalidArgument(ended) || absl::IsOutOfRange(ended);
    MutexLock lock(mutex_);
    if (refused) token_.clear();
    const absl::Time until = options_.clock->Now() + kFleetWatchBackoff.After(failures, Random());
    while (!stopping_ && options_.clock->Now() < until) {
      options_.clock->WaitUntil(mutex_, woken_, until);
    }
  }

  void Take(const v1::WatchFleetResponse& answer) {
    bool list = false;
    {
      MutexLock lock(mutex_);
      if (again_) return;
      const absl::Time now = options_.clock->Now();
      if (!answer.resume_token().empty()) token_ = answer.resume_token();
      if (answer.restarted()) {
        fleet_.clear();
        v1::WatchFleetResponse restarted;
        restarted.set_restarted(true);
        for (auto& [key, target] : targets_) target->Take(restarted, now);
      }
      list = Note(answer, now);
      if (answer.initial_done()) {
        complete_ = list = true;
        for (auto& [key, target] : targets_) Complete(*target, now);
      }
    }
    TellChanges();
    if (list) lister_->Wake();
  }

  // Keeps what an answer says, and passes it on. Returns whether it may change who is selected.
  bool Note(const v1::WatchFleetResponse& answer, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::WatchFleetResponse part = answer;
    part.clear_initial_done();
    part.clear_restarted();
    if (answer.has_service()) {
      const v1::Service& service = answer.service();
      if (!services_.contains(service.service())) return false;
      auto& services = fleet_[service.host()].services;
      if (answer.removed()) {
        services.erase(service.service());
      } else {
        services[service.service()] = service;
      }
      for (auto& [key, target] : targets_) {
        if (target->service == service.service() && target->members.contains(service.host())) {
          target->Take(part, now);
        }
      }
      return false;
    }
    if (!answer.has_host()) return false;
    const v1::Host& host = answer.host();
    const auto known = fleet_.find(host.host());
    const bool moved =
        answer.removed() || known == fleet_.end() ||
        !std::equal(known->second.host.tags().begin(), known->second.host.tags().end(),
                    host.tags().begin(), host.tags().end());
    if (answer.removed()) {
      fleet_.erase(host.host());
    } else {
      fleet_[host.host()].host = host;
    }
    for (auto& [key, target] : targets_) {
      if (target->members.contains(host.host())) target->Take(part, now);
    }
    return moved && complete_;
  }

  void Complete(FollowedTarget& target, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!complete_ || !target.listed) return;
    v1::WatchFleetResponse done;
    done.set_initial_done(true);
    target.Take(done, now);
  }

  void LoseAll(const std::string& why) {
    {
      MutexLock lock(mutex_);
      complete_ = false;
      if (token_.empty()) fleet_.clear();
      for (auto& [key, target] : targets_) {
        target->Lose(why);
        if (!token_.empty()) continue;
        v1::WatchFleetResponse restarted;
        restarted.set_restarted(true);
        target->Take(restarted, options_.clock->Now());
      }
    }
    TellChanges();
  }

  // The scheduler's job: asks the planner which hosts each target has.
  absl::Time ListMembers() {
    std::map<std::string, v1::Selection> selections;
    {
      MutexLock lock(mutex_);
      for (const auto& [key, target] : targets_) selections[key] = target->selection;
    }
    const auto give_up = [this] { return stopping_.load(); };
    for (const auto& [key, selection] : selections) {
      const auto hosts = Planner(absl::Now() + kListTimeout, give_up).ListHosts(selection);
      if (stopping_) return absl::InfiniteFuture();
      SetMembers(key, hosts);
      if (hosts.ok()) continue;
      TellChanges();
      MutexLock lock(mutex_);
      return options_.clock->Now() + kFleetWatchBackoff.After(++list_failures_, Random());
    }
    TellChanges();
    MutexLock lock(mutex_);
    list_failures_ = 0;
    return absl::InfiniteFuture();
  }

  void SetMembers(const std::string& key, const absl::StatusOr<std::vector<v1::Host>>& hosts) {
    MutexLock lock(mutex_);
    const auto found = targets_.find(key);
    if (found == targets_.end()) return;
    FollowedTarget& target = *found->second;
    if (!hosts.ok()) {
      target.listed = false;
      target.Lose(std::string(hosts.status().message()));
      return;
    }
    const absl::Time now = options_.clock->Now();
    std::set<std::string> before = std::exchange(target.members, {});
    for (const v1::Host& host : *hosts) target.members.insert(host.host());
    for (const std::string& name : before) {
      if (!target.members.contains(name)) TakeOut(name, target, now);
    }
    for (const std::string& name : target.members) {
      if (!before.contains(name)) PutIn(name, target, now);
    }
    target.listed = true;
    Complete(target, now);
  }

  void TakeOut(const std::string& name, FollowedTarget& target, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::WatchFleetResponse gone;
    gone.mutable_host()->set_host(name);
    gone.set_removed(true);
    target.Take(gone, now);
  }

  void PutIn(const std::string& name, FollowedTarget& target, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto known = fleet_.find(name);
    if (known == fleet_.end()) return;
    v1::WatchFleetResponse part;
    *part.mutable_host() = known->second.host;
    target.Take(part, now);
    const auto service = known->second.services.find(target.service);
    if (service == known->second.services.end()) return;
    *part.mutable_service() = service->second;
    target.Take(part, now);
  }

  // Calls back for the environments whose targets are seen differently now.
  void TellChanges() {
    std::set<EnvironmentName> changed;
    std::function<void(const EnvironmentName&)> tell;
    {
      MutexLock lock(mutex_);
      tell = changed_;
      for (auto& [key, target] : targets_) {
        if (!std::exchange(target->touched, false)) continue;
        TargetObservation now = target->view.Observation();
        if (SameWhereItCounts(now, target->told)) continue;
        target->told = std::move(now);
        changed.insert(target->environments.begin(), target->environments.end());
      }
    }
    if (!tell) return;
    for (const EnvironmentName& environment : changed) tell(environment);
  }

  const FleetObserverOptions options_;
  std::atomic<bool> stopping_ = false;
  // The watch must begin anew, from the start.
  std::atomic<bool> again_ = false;

  Mutex mutex_;
  CondVar woken_;
  std::function<void(const EnvironmentName&)> changed_ ABSL_GUARDED_BY(mutex_);
  Targets targets_ ABSL_GUARDED_BY(mutex_);
  std::map<EnvironmentName, std::vector<FollowedTarget*>> by_environment_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> services_ ABSL_GUARDED_BY(mutex_);  // of the targets
  // The whole fleet as the watch told it, with these services.
  std::map<std::string, HostEntry> fleet_ ABSL_GUARDED_BY(mutex_);
  bool complete_ ABSL_GUARDED_BY(mutex_) = false;  // all of it was told since the watch began
  std::string token_ ABSL_GUARDED_BY(mutex_);
  int list_failures_ ABSL_GUARDED_BY(mutex_) = 0;

  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Scheduler::Job> lister_;
  std::thread watcher_;
};

}  // namespace

std::unique_ptr<Observer> NewFleetObserver(FleetObserverOptions options) {
  return std::make_unique<FleetObserver>(std::move(options));
}

}  // namespace gitops
