#include "services/promotion_receiver/observe/observer.h"

#include <iterator>
#include <utility>

namespace gitops {
namespace {

class AllObservers final : public Observer {
 public:
  explicit AllObservers(std::vector<std::unique_ptr<Observer>> observers)
      : observers_(std::move(observers)) {}

  void OnChange(std::function<void(const EnvironmentName&)> changed) override {
    for (const auto& observer : observers_) observer->OnChange(changed);
  }
  void SetPipelines(const PipelineList& pipelines) override {
    for (const auto& observer : observers_) observer->SetPipelines(pipelines);
  }
  std::vector<TargetObservation> Of(const EnvironmentName& environment) override {
    std::vector<TargetObservation> all;
    for (const auto& observer : observers_) {
      std::vector<TargetObservation> some = observer->Of(environment);
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return all;
  }
  void Look(const EnvironmentName& environment) override {
    for (const auto& observer : observers_) observer->Look(environment);
  }

 private:
  const std::vector<std::unique_ptr<Observer>> observers_;
};

}  // namespace

std::unique_ptr<Observer> ObserveAll(std::vector<std::unique_ptr<Observer>> observers) {
  return std::make_unique<AllObservers>(std::move(observers));
}

}  // namespace gitops
