#ifndef GITOPS_SERVICES_PLANNER_PLAN_FLEET_SELECTION_H_
#define GITOPS_SERVICES_PLANNER_PLAN_FLEET_SELECTION_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/select/selection.h"

namespace gitops {

// Selections of requests, applied to the hosts of a fleet.

using FleetHosts = FleetView::List;

// For a loop over many hosts, which are scattered in memory: fetches what it will read of the hosts
// that come soon. `host(i)` is the host that is read at `i`.
template <typename HostAt>
void FetchAhead(size_t i, size_t count, const HostAt& host) {
  constexpr size_t kTextsAhead = 8;
  constexpr size_t kHostsAhead = 2 * kTextsAhead;
  if (i + kHostsAhead < count) {
    const HostSpec& spec = host(i + kHostsAhead).spec;
    __builtin_prefetch(&spec.name);
    __builtin_prefetch(&spec.tags);
  }
  if (i + kTextsAhead < count) {
    const HostSpec& spec = host(i + kTextsAhead).spec;
    __builtin_prefetch(spec.name.data());
    __builtin_prefetch(spec.address.data());
    __builtin_prefetch(spec.tags.data());
  }
}

// As plain values. If the request names no order, the configuration's applies.
Selection ToSelection(const v1::Selection& selection, const Fleet& fleet);

// INVALID_ARGUMENT: as CheckSelection; or `changes` is set, and it selects the whole fleet without
// `all`.
absl::Status CheckFleetSelection(const v1::Selection& selection, bool changes);

// The indices of those of `count` hosts that are selected, in order. Errors as Select.
absl::StatusOr<std::vector<int>> SelectIndices(size_t count,
                                               const std::function<const FleetHost&(size_t)>& host,
                                               const Selection& selection,
                                               const Cancelled& cancelled,
                                               const Eligible& eligible = {});

// Checks the selection and applies it to the current hosts. Errors as CheckFleetSelection and
// Select.
absl::StatusOr<FleetHosts> SelectHosts(const Fleet& fleet, const v1::Selection& selection,
                                       bool changes, const Cancelled& cancelled);

// NO_HOST_SELECTED: the message repeats the selection in flags of gitopsctl, and names the nearest
// host of `fleet` if a glob without wildcards is none.
absl::Status NoHostSelected(const v1::Selection& selection, const FleetView& fleet);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_FLEET_SELECTION_H_
