#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_ENVIRONMENT_NAME_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_ENVIRONMENT_NAME_H_

#include <compare>
#include <string>

namespace gitops {

// An environment of a pipeline.
struct EnvironmentName {
  std::string namespace_;
  std::string pipeline;
  std::string environment;

  // For messages and keys: "shopping/search/dev". The parts contain no '/'.
  std::string Text() const { return namespace_ + "/" + pipeline + "/" + environment; }
  auto operator<=>(const EnvironmentName&) const = default;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_ENVIRONMENT_NAME_H_
