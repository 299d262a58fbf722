#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_OBJECT_VIEW_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_OBJECT_VIEW_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/promotion_receiver/decide/observation.h"
#include "services/promotion_receiver/observe/flux_object.h"

namespace gitops {

// One Flux object, as a sequence of looks tells. Not thread-safe.
class ObjectView {
 public:
  // `target`: for messages. Looks that are further apart than `longest_gap` are a gap in the watch.
  ObjectView(std::string target, absl::Duration longest_gap)
      : target_(std::move(target)), longest_gap_(longest_gap) {}

  // The outcome of a look at the time `now`: the object's status; NOT_FOUND: there is no such
  // object; any other error: it cannot be said.
  void Take(const absl::StatusOr<FluxStatus>& look, absl::Time now);

  // False: it cannot be observed.
  bool observable() const { return observable_; }
  const TargetObservation& observation() const { return seen_; }

 private:
  void TakeStatus(const FluxStatus& status, absl::Time now);

  const std::string target_;
  const absl::Duration longest_gap_;
  bool observable_ = true;
  TargetObservation seen_{.target = target_, .detail = "it was not looked at yet"};
  bool watching_ = false;                        // healthy, or unknown, since the first mark
  absl::Time last_look_ = absl::InfinitePast();  // that said something
  // When another revision was last seen, before this one.
  absl::Time other_revision_ = absl::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_OBJECT_VIEW_H_
