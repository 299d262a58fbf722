#ifndef GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENT_TALLY_H_
#define GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENT_TALLY_H_

#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/sync/mutex.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/record/deployment_record.h"

namespace gitops {

// Hosts by HostDeploymentState; those of RUNNING that are being rolled back are at kRollingBack.
inline constexpr int kRollingBack = v1::HostDeploymentState_ARRAYSIZE;
inline constexpr int kHostPhases = kRollingBack + 1;
using PhaseCounts = std::array<int, kHostPhases>;
// "pending", "rolling-back"…, as gitops_deployment_hosts has them.
std::string PhaseName(int phase);

// What the hosts of a deployment have come to.
struct Tally {
  int hosts = 0;
  PhaseCounts phases{};
  // The first few of each, in order: "web3: sync: …", or the name alone.
  std::vector<std::string> failed, unreachable, kept;
  bool operator==(const Tally&) const = default;
};

// Counts one more host.
void Add(const HostRecord& host, Tally& tally);

// Sets the counts of `deployment`; whether any changed.
bool SetCounts(const Tally& tally, v1::Deployment& deployment);

// "2 of 10 hosts failed: web3: …; 1 could not be reached: web4"; empty: nothing to tell.
std::string TroubleText(const Tally& tally);

// Adds up how many hosts are in each phase over all running deployments, and tells what changed,
// the newest numbers last. Any thread.
class PhaseGauges {
 public:
  // `tell` is called by one thread at a time; it must not use this.
  explicit PhaseGauges(std::function<void(const std::string& phase, int hosts)> tell)
      : tell_(std::move(tell)) {}

  // The counts of one deployment; all 0 once it has ended.
  void Set(const std::string& deployment, const PhaseCounts& counts);

 private:
  const std::function<void(const std::string& phase, int hosts)> tell_;
  Mutex mutex_;
  std::map<std::string, PhaseCounts> deployments_ ABSL_GUARDED_BY(mutex_);
  PhaseCounts totals_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENT_TALLY_H_
