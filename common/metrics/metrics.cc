#include "common/metrics/metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/text_serializer.h>

#include "common/server/version.h"

namespace gitops {

Metrics::Metrics(const std::string& component)
    : registry_(std::make_shared<prometheus::Registry>()) {
  prometheus::BuildGauge()
      .Name("gitops_build_info")
      .Help("Always 1; the labels say what is running.")
      .Register(*registry_)
      .Add({{"component", component}, {"version", std::string(Version())}})
      .Set(1);
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace gitops
