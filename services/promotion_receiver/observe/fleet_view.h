#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_VIEW_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_VIEW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gitops/v1/planner.pb.h"
#include "services/promotion_receiver/decide/observation.h"

namespace gitops {

// One service on some hosts, as the answers of a WatchFleet about them tell. The cost of an answer
// does not grow with the number of hosts. Not thread-safe.
class FleetView {
 public:
  // `target`: for messages.
  explicit FleetView(std::string target) : target_(std::move(target)) {}

  // An answer at the time `now`; its initial_done says that all hosts are known.
  void Take(const v1::WatchFleetResponse& answer, absl::Time now);
  // Until the next initial_done, it is not known what the hosts run, and why. What was told is
  // kept.
  void Lose(const std::string& why);

  TargetObservation Observation() const;

 private:
  using Health = TargetObservation::Health;
  // What hosts have in common.
  struct Group {
    Health health = Health::kUnknown;
    std::string revision;  // empty: none, or not known
    bool deliberate = false;
    auto operator<=>(const Group&) const = default;
  };
  struct HostView {
    bool online = false;
    std::optional<v1::Service> service;
    std::optional<Group> group;  // none: it does not have the service
  };

  // Of all groups together.
  struct Summary {
    Health health = Health::kUnknown;
    std::string revision;  // empty: none, not known, or not the same everywhere
    bool deliberate = false;
  };

  static Group GroupOf(const HostView& host);
  Summary Summarize() const;
  void NoteCommonRevision(bool begins, absl::Time now);
  // Takes the host out of its group, changes it, and puts it into its new one.
  template <typename Change>
  void Update(const std::string& name, Change change);
  // The groups that are not healthy at `revision` (empty: all), in words.
  std::string Differences(const std::string& revision) const;

  const std::string target_;
  std::map<std::string, HostView> hosts_;
  std::map<Group, std::set<std::string>> groups_;
  // The sum of the change times of the services: it grows with each change.
  int64_t mark_ = 0;
  bool complete_ = false;
  std::string lost_ = "it was not looked at yet";  // why it is not complete
  // The revision that all run, healthy; since when that was seen to be so (InfinitePast: since the
  // first look); and the mark then, or when the watch began.
  std::string common_;
  absl::Time common_since_ = absl::InfinitePast();
  int64_t first_mark_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_VIEW_H_
