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

// Numbers of hosts by HostDeploymentState. RUNNING hosts that are being rolled back are at
// kRollingBack instead.
inline constexpr int kRollingBack = v1::HostDeploymentState_ARRAYSIZE;
inline constexpr int kHostPhases = kRollingBack + 1;
using PhaseCounts = std::array<int, kHostPhases>;
// "pending", "rolling-back"…: the label of gitops_deployment_hosts.
std::string PhaseName(int phase);

// Counts the hosts of a deployment by what became of them.
struct Tally {
  int hosts = 0;
  PhaseCounts phases{};
  // The first few of each, in order: "web3: sync: …", or the name alone.
  std::vector<std::string> failed, unreachable, kept;
  // Why the first that failed did so, or else the first that could not be reached.
  std::string failure, silence;
  bool operator==(const Tally&) const = default;
};

// Counts one more host.
void Add(const HostRecord& host, Tally& tally);

// Sets the counts of `deployment`. Returns whether any changed.
bool SetCounts(const Tally& tally, v1::Deployment& deployment);

// "2 of 10 hosts failed: web3: …; 1 of 10 hosts could not be reached: web4"; empty: no trouble.
std::string TroubleText(const Tally& tally);

// Deployment.cause, after it was `former`: hosts that were brought back no longer say why.
std::string CauseText(const Tally& tally, const std::string& former);

// Adds up the hosts in each phase over all running deployments, and reports changes, the newest
// numbers last. Any thread.
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
