#include "services/planner/run/phase_gauges.h"

#include <vector>

namespace gitops {

void PhaseGauges::Set(const std::string& deployment, const PhaseCounts& counts) {
  if (!tell_) return;
  {
    MutexLock lock(mutex_);
    PhaseCounts& known = deployments_[deployment];
    for (int i = 0; i < kHostPhases; ++i) totals_[i] += counts[i] - known[i];
    known = counts;
    if (counts == PhaseCounts{}) deployments_.erase(deployment);
    // The thread that is telling already tells this too.
    if (telling_) return;
    telling_ = true;
  }
  for (;;) {
    std::vector<std::pair<int, int>> changed;
    {
      MutexLock lock(mutex_);
      for (int i = 0; i < kHostPhases; ++i) {
        if (totals_[i] != told_[i]) changed.emplace_back(i, totals_[i]);
      }
      told_ = totals_;
      if (changed.empty()) {
        telling_ = false;
        return;
      }
    }
    for (const auto& [phase, hosts] : changed) {
      tell_(PhaseName(phase), hosts);
    }
  }
}

}  // namespace gitops
