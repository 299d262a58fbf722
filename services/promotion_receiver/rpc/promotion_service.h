#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_SERVICE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_SERVICE_H_

#include <functional>
#include <memory>

#include "common/clock/clock.h"
#include "common/rpc/gate.h"
#include "common/store/request_ids.h"
#include "common/store/store.h"
#include "gitops/v1/promotion.grpc.pb.h"
#include "services/promotion_receiver/intake/intake.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/rpc/promotion_control.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {

struct PromotionServiceOptions {
  // None of these is owned.
  Clock* clock = nullptr;
  const RpcGate* gate = nullptr;
  Store* state = nullptr;  // where `promotions` and `request_ids` are
  PromotionStore* promotions = nullptr;
  RequestIds* request_ids = nullptr;
  Intake* intake = nullptr;
  Secrets* secrets = nullptr;
  PromotionControl* control = nullptr;

  std::function<std::shared_ptr<const Pipelines>()> pipelines;
  // A stream holds a thread of the server for as long as it is open.
  int most_watchers = 64;
};

// gitops.v1.PromotionService. Handlers read the request, call the core, convert.
class PromotionService : public v1::PromotionService::Service {
 public:
  // Ends the watches and refuses new ones, for a drain. Any thread.
  virtual void Stop() = 0;
};

std::unique_ptr<PromotionService> NewPromotionService(PromotionServiceOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_SERVICE_H_
