#include "services/promotion_receiver/program/receiver_metrics.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

prometheus::Gauge& NewGauge(Metrics& metrics, const char* name, const char* help,
                            const prometheus::Labels& labels = {}) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(metrics.registry()).Add(labels);
}

}  // namespace

ReceiverMetrics::ReceiverMetrics(Metrics& metrics)
    : events_(prometheus::BuildCounter()
                  .Name("gitops_promotion_webhooks_total")
                  .Help("Flux events by pipeline and result.")
                  .Register(metrics.registry())),
      promotions_(prometheus::BuildCounter()
                      .Name("gitops_promotions_total")
                      .Help("Promotions that ended, by pipeline and result.")
                      .Register(metrics.registry())),
      pipelines_(NewGauge(metrics, "gitops_pipelines", "Pipelines that are in use.")),
      bad_files_(NewGauge(metrics, "gitops_pipeline_files_bad",
                          "Pipeline files that cannot be used as they are now.")),
      queue_(NewGauge(metrics, "gitops_queue_depth", "Promotions that are carried out now.",
                      {{"queue", "promotions"}})) {}

void ReceiverMetrics::EventSeen(const std::string& pipeline, const std::string& result) {
  events_.Add({{"pipeline", pipeline}, {"result", absl::AsciiStrToLower(result)}}).Increment();
}

void ReceiverMetrics::PromotionEnded(const record::v1::Promotion& promotion) {
  const absl::string_view state =
      absl::StripPrefix(PromotionState_Name(promotion.state()), "PROMOTION_STATE_");
  promotions_
      .Add({{"pipeline", absl::StrCat(promotion.namespace_(), "/", promotion.pipeline())},
            {"result", absl::AsciiStrToLower(state)}})
      .Increment();
}

void ReceiverMetrics::PipelinesRead(size_t pipelines, size_t bad) {
  pipelines_.Set(static_cast<double>(pipelines));
  bad_files_.Set(static_cast<double>(bad));
}

void ReceiverMetrics::InProgress(int count) { queue_.Set(count); }

}  // namespace gitops
