#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_CONTROL_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_CONTROL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/program/receiver_metrics.h"
#include "services/promotion_receiver/program/settings.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/rpc/promotion_control.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {

// What carries promotions out, with all that it needs: strategies and observers of environments.
class ReceiverControl : public PromotionControl {
 public:
  // The pipelines as they are configured now.
  virtual void SetPipelines(const Pipelines& pipelines) = 0;
  // The config file as it is now: `text` was checked by CheckControlConfig.
  virtual void SetConfig(const PromotionReceiverConfig& config) = 0;
  // Begins nothing any more, and waits until what runs has given up.
  virtual void Stop() = 0;
};

struct ReceiverControlOptions {
  // None of these is owned.
  Store* state = nullptr;
  PromotionStore* promotions = nullptr;
  Secrets* secrets = nullptr;
  ReceiverMetrics* metrics = nullptr;
  Clock* clock = nullptr;

  PromotionReceiverConfig config;
};

// Begins with the first SetPipelines.
absl::StatusOr<std::unique_ptr<ReceiverControl>> NewReceiverControl(ReceiverControlOptions options);

// INVALID_ARGUMENT: all errors of the tables of the config file that belong to strategies and
// observers, one per line.
absl::Status CheckControlConfig(const PromotionReceiverConfig& config);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_CONTROL_H_
