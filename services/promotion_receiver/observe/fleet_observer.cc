#include "services/promotion_receiver/observe/fleet_observer.h"

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/fleet_targets.h"

namespace gitops {
namespace {

constexpr absl::Duration kListTimeout = absl::Seconds(30);
constexpr char kNoWatch[] = "the planner's watch has not begun yet";

double Random() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

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
      if (targets_.SetPipelines(pipelines)) {
        token_.clear();
        again_ = true;
      }
      woken_.NotifyAll();
    }
    lister_->Wake();
  }

  std::vector<TargetObservation> Of(const EnvironmentName& environment) override {
    MutexLock lock(mutex_);
    return targets_.Of(environment);
  }

  // The planner tells of changes by itself.
  void Look(const EnvironmentName&) override {}

 private:
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
      if (!answer.resume_token().empty()) token_ = answer.resume_token();
      list = targets_.Take(answer, options_.clock->Now());
    }
    TellChanges();
    if (list) lister_->Wake();
  }

  void LoseAll(const std::string& why) {
    {
      MutexLock lock(mutex_);
      targets_.Lose(why, /*resumed=*/!token_.empty(), options_.clock->Now());
    }
    TellChanges();
  }

  // The scheduler's job: asks the planner which hosts each target has.
  absl::Time ListMembers() {
    std::map<std::string, v1::Selection> selections;
    {
      MutexLock lock(mutex_);
      selections = targets_.Selections();
    }
    bool failed = false;
    for (const auto& [key, selection] : selections) {
      const auto hosts = Planner(absl::Now() + kListTimeout, [this] {
                           return stopping_.load();
                         }).ListHosts(selection);
      if (stopping_) return absl::InfiniteFuture();
      {
        MutexLock lock(mutex_);
        targets_.SetMembers(key, hosts, options_.clock->Now());
      }
      TellChanges();
      failed = failed || !hosts.ok();
      // The planner would not answer about the others either.
      if (absl::IsUnavailable(hosts.status()) || absl::IsDeadlineExceeded(hosts.status())) break;
    }
    MutexLock lock(mutex_);
    list_failures_ = failed ? list_failures_ + 1 : 0;
    if (!failed) return absl::InfiniteFuture();
    return options_.clock->Now() + kFleetWatchBackoff.After(list_failures_, Random());
  }

  // Calls back for the environments whose targets are seen differently now.
  void TellChanges() {
    std::set<EnvironmentName> changed;
    std::function<void(const EnvironmentName&)> tell;
    {
      MutexLock lock(mutex_);
      tell = changed_;
      changed = targets_.Changed();
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
  FleetTargets targets_ ABSL_GUARDED_BY(mutex_);
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
