#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_RECEIVER_METRICS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_RECEIVER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <string>

#include "common/metrics/metrics.h"
#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// The metrics of the promotion receiver; docs/reference/metrics.md lists them. Thread-safe.
class ReceiverMetrics {
 public:
  // `metrics` must outlive this.
  explicit ReceiverMetrics(Metrics& metrics);

  // An event, as Intake's observer is told.
  void EventSeen(const std::string& pipeline, const std::string& result);
  // A promotion has ended. Ignored events are none.
  void PromotionEnded(const record::v1::Promotion& promotion);
  // The number of pipelines, and of files that cannot be used.
  void PipelinesRead(size_t pipelines, size_t bad);
  // Promotions that are carried out now.
  void InProgress(int count);

 private:
  prometheus::Family<prometheus::Counter>& events_;
  prometheus::Family<prometheus::Counter>& promotions_;
  prometheus::Gauge& pipelines_;
  prometheus::Gauge& bad_files_;
  prometheus::Gauge& queue_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_RECEIVER_METRICS_H_
