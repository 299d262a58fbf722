#ifndef GITOPS_COMMON_METRICS_METRICS_H_
#define GITOPS_COMMON_METRICS_METRICS_H_

#include <prometheus/registry.h>

#include <memory>
#include <string>

namespace gitops {

// The metrics of one program: a prometheus-cpp registry and its text. Any thread. Families and
// metrics live as long as this.
class Metrics {
 public:
  // Adds gitops_build_info{component,version} = 1.
  explicit Metrics(const std::string& component);

  prometheus::Registry& registry() { return *registry_; }
  // The exposition format, version 0.0.4. Series of removed metrics are not in it.
  std::string Text() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_METRICS_METRICS_H_
