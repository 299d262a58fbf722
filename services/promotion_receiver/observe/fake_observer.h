#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FAKE_OBSERVER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FAKE_OBSERVER_H_

#include <functional>
#include <map>
#include <utility>

#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/observer.h"

namespace gitops {

// Observes what a test says. Thread-safe.
class FakeObserver : public Observer {
 public:
  // None: the environment cannot be observed.
  void Set(const EnvironmentName& environment, std::vector<TargetObservation> targets) {
    std::function<void(const EnvironmentName&)> changed;
    {
      MutexLock lock(mutex_);
      seen_[environment] = std::move(targets);
      changed = changed_;
    }
    if (changed) changed(environment);
  }
  // Called by SetPipelines.
  void OnPipelines(std::function<void()> call) { on_pipelines_ = std::move(call); }
  int looks() {
    MutexLock lock(mutex_);
    return looks_;
  }

  void OnChange(std::function<void(const EnvironmentName&)> changed) override {
    MutexLock lock(mutex_);
    changed_ = std::move(changed);
  }
  void SetPipelines(const PipelineList&) override {
    if (on_pipelines_) on_pipelines_();
  }
  std::vector<TargetObservation> Of(const EnvironmentName& environment) override {
    MutexLock lock(mutex_);
    return seen_[environment];
  }
  void Look(const EnvironmentName&) override {
    MutexLock lock(mutex_);
    ++looks_;
  }

 private:
  std::function<void()> on_pipelines_;
  Mutex mutex_;
  std::function<void(const EnvironmentName&)> changed_ ABSL_GUARDED_BY(mutex_);
  std::map<EnvironmentName, std::vector<TargetObservation>> seen_ ABSL_GUARDED_BY(mutex_);
  int looks_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FAKE_OBSERVER_H_
