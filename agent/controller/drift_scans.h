#ifndef GITOPS_AGENT_CONTROLLER_DRIFT_SCANS_H_
#define GITOPS_AGENT_CONTROLLER_DRIFT_SCANS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/publish/publisher.h"

namespace gitops {

// What the scans of one service for drift mean, one after another. Not thread-safe.
class DriftScans {
 public:
  struct Finding {
    std::string drift;     // in words; empty: none
    bool correct = false;  // whether the tracked files differ, so that writing them anew helps
  };
  // Files that an error of the host keeps from being compared are no drift: they correct nothing,
  // and are told only after three such scans in a row. Those that are not carried over yet are told
  // at once, and correct nothing either. nullopt: what was known before still holds.
  std::optional<Finding> Judge(const absl::StatusOr<std::vector<DriftEntry>>& scan);

 private:
  int incomplete_ = 0;  // scans in a row
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_DRIFT_SCANS_H_
