#ifndef GITOPS_COMMON_METRICS_METRICS_H_
#define GITOPS_COMMON_METRICS_METRICS_H_

#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gitops {

// The metrics of one program: a prometheus-cpp registry and its text. Thread-safe. Families and
// metrics live as long as this.
class Metrics {
 public:
  // Adds gitops_build_info{component,version} = 1.
  explicit Metrics(const std::string& component);

  prometheus::Registry& registry() { return *registry_; }
  // Adds families that are computed at each Text(), for values that are cheaper to read than to
  // keep up to date. Call it before the first Text(); the collector's data must live until the last
  // one.
  using Collector = std::function<std::vector<prometheus::MetricFamily>()>;
  void AddCollector(Collector collector) { collectors_.push_back(std::move(collector)); }
  // The exposition format, version 0.0.4. It has no series of removed metrics.
  std::string Text() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::vector<Collector> collectors_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_METRICS_METRICS_H_
