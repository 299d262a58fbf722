#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_OBSERVER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_OBSERVER_H_

#include <functional>
#include <memory>
#include <vector>

#include "services/promotion_receiver/decide/observation.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

using PipelineList = std::vector<std::shared_ptr<const Pipeline>>;

// Watches what the targets of environments run. Thread-safe.
class Observer {
 public:
  virtual ~Observer() = default;

  // Called whenever what is observed of an environment has changed, on any thread, also while
  // another method of the Observer runs. It must not block, nor call the Observer. Set once, before
  // SetPipelines.
  virtual void OnChange(std::function<void(const EnvironmentName&)> changed) = 0;

  // From now on, the targets of all environments of these pipelines are watched. Does not wait for
  // what they run.
  virtual void SetPipelines(const PipelineList& pipelines) = 0;

  // The targets of an environment that this Observer can observe, as last seen; kUnknown: not
  // looked at yet. Does not block.
  virtual std::vector<TargetObservation> Of(const EnvironmentName& environment) = 0;

  // Something has happened there: looks as soon as possible. Does not wait for it.
  virtual void Look(const EnvironmentName& environment) = 0;
};

// The targets that one of several observers can observe. At most one of them observes a target.
std::unique_ptr<Observer> ObserveAll(std::vector<std::unique_ptr<Observer>> observers);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_OBSERVER_H_
