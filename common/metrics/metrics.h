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

// The metrics of one program: a prometheus-cpp registry and its text. Any thread. Families and
// metrics live as long as this.
class Metrics {
 public:
  // Adds gitops_build_info{component,version} = 1.
  explicit Metrics(const std::string& component);

  prometheus::Registry& registry() { return *registry_; }
  // Adds families that are made anew at each Text(), where keeping them up to date would cost more
  // than reading them. Before the first Text(); whatever it looks at must live until the last.
  using Collector = std::function<std::vector<prometheus::MetricFamily>()>;
  void AddCollector(Collector collector) { collectors_.push_back(std::move(collector)); }
  // The exposition format, version 0.0.4. Series of removed metrics are not in it.
  std::string Text() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::vector<Collector> collectors_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_METRICS_METRICS_H_
