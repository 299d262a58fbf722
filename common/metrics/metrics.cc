#include "common/metrics/metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "common/server/version.h"

namespace gitops {

Metrics::Metrics(const std::string& component)
    : registry_(std::make_shared<prometheus::Registry>()) {
  prometheus::BuildGauge()
      .Name("gitops_build_info")
      .Help("Always 1; the labels are the component and its version.")
      .Register(*registry_)
      .Add({{"component", component}, {"version", std::string(Version())}})
      .Set(1);
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  for (const Collector& collector : collectors_) {
    for (prometheus::MetricFamily& family : collector()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace gitops
