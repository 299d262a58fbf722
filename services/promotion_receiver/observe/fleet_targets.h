#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_TARGETS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_TARGETS_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/v1/planner.pb.h"
#include "services/promotion_receiver/decide/observation.h"
#include "services/promotion_receiver/observe/fleet_view.h"
#include "services/promotion_receiver/observe/observer.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// The targets of pipelines that are hosts of the fleet, and what a WatchFleet and lists of hosts
// tell of them. Not thread-safe.
class FleetTargets {
 public:
  // Returns whether the watch has to begin anew, since something was of no interest until now and
  // was not kept.
  bool SetPipelines(const PipelineList& pipelines);
  bool empty() const { return targets_.empty(); }

  // An answer of the watch, at the time `now`. Returns whether it may change which hosts are
  // selected.
  bool Take(const v1::WatchFleetResponse& answer, absl::Time now);
  // The watch has ended, and why. With `resumed`, the next one goes on where it ended; else it
  // tells all anew.
  void Lose(const std::string& why, bool resumed, absl::Time now);

  // The selections of hosts to list, by a key of the target.
  std::map<std::string, v1::Selection> Selections() const;
  // The hosts of the selection of this key, as listed; a key that is gone is ignored.
  void SetMembers(const std::string& key, const absl::StatusOr<std::vector<v1::Host>>& hosts,
                  absl::Time now);

  std::vector<TargetObservation> Of(const EnvironmentName& environment) const;
  // The environments whose targets are seen otherwise than at the last call.
  std::set<EnvironmentName> Changed();

 private:
  // A host as far as it decides about selections.
  struct HostEntry {
    v1::Host host;
    std::map<std::string, v1::Service> services;
  };

  // One service on one selection of hosts.
  struct Followed {
    explicit Followed(const std::string& in_words) : view(in_words) {}
    v1::Selection selection;
    std::string service;
    std::set<std::string> members;  // the selected hosts
    bool listed = false;            // `members` are known
    std::vector<EnvironmentName> environments;
    FleetView view;
    bool touched = false;  // since `told`
    TargetObservation told;

    void Take(const v1::WatchFleetResponse& answer, absl::Time now);
    void Lose(const std::string& why);
  };
  using Targets = std::map<std::string, std::unique_ptr<Followed>>;

  void Follow(const Pipeline& pipeline, const Environment& environment, Targets& before);
  void Restart(absl::Time now);
  void TakeService(const v1::WatchFleetResponse& answer, absl::Time now);
  bool TakeHost(const v1::WatchFleetResponse& answer, absl::Time now);
  void Complete(Followed& target, absl::Time now);
  static void TakeOut(const std::string& name, Followed& target, absl::Time now);
  void PutIn(const std::string& name, Followed& target, absl::Time now);

  Targets targets_;                 // by key
  std::set<std::string> services_;  // of the targets
  std::map<EnvironmentName, std::vector<const Followed*>> by_environment_;
  std::map<std::string, HostEntry> fleet_;  // all hosts, with these services
  bool complete_ = false;                   // the watch has told of all
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_TARGETS_H_
