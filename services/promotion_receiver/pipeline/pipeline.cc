#include "services/promotion_receiver/pipeline/pipeline.h"

#include <cstddef>

namespace gitops {

const Environment* Pipeline::Find(const std::string& environment) const {
  for (const Environment& candidate : environments) {
    if (candidate.name == environment) return &candidate;
  }
  return nullptr;
}

const Environment* Pipeline::After(const std::string& environment) const {
  for (size_t i = 0; i + 1 < environments.size(); ++i) {
    if (environments[i].name == environment) return &environments[i + 1];
  }
  return nullptr;
}

}  // namespace gitops
