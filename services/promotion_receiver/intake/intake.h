#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_INTAKE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_INTAKE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/clock/clock.h"
#include "gitops/record/v1/promotion.pb.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/intake/event_check.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {

struct IntakeOptions {
  // None of these is owned.
  PromotionStore* store = nullptr;
  Secrets* secrets = nullptr;
  Clock* clock = nullptr;

  std::function<std::shared_ptr<const Pipelines>()> pipelines;
  EventPolicy policy;
  // Called once for each environment about which a call stored an event of a success, a repeat too.
  // May be empty.
  std::function<void(const EnvironmentName& source)> look;
  // Called for each event with its pipeline ("shopping/search"; "unknown": there is none) and its
  // result: "new", "repeat", "ignored", "superseded", or the reason of its error
  // ("SIGNATURE_INVALID"). May be empty.
  std::function<void(const std::string& pipeline, const std::string& result)> observer;
  // Called for each promotion that an event ended, by superseding it. May be empty.
  std::function<void(const record::v1::Promotion&)> on_end;
};

// Checks and stores events. Thread-safe; events are decided in the order of the calls, and those of
// one call in the order of the request.
class Intake {
 public:
  explicit Intake(IntakeOptions options) : options_(std::move(options)) {}

  // As PromotionService.ReceiveEvents. When this returns, the outcomes are durable. If the events
  // cannot be stored, each that was to be has the error as its outcome, and nothing was stored.
  v1::ReceiveEventsResponse Receive(const v1::ReceiveEventsRequest& request);

 private:
  class Call;

  const IntakeOptions options_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_INTAKE_H_
