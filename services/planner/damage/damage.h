#ifndef GITOPS_SERVICES_PLANNER_DAMAGE_DAMAGE_H_
#define GITOPS_SERVICES_PLANNER_DAMAGE_DAMAGE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/store/store.h"
#include "gitops/v1/planner.pb.h"

// Damaged records of the planner's store: finding, counting and removing them. Any thread. Errors
// as Store's.
namespace gitops {

// Reads everything that the planner stores. CANCELLED: `cancelled` returned true.
absl::StatusOr<std::vector<v1::DamagedRecord>> FindDamaged(Store& store,
                                                           const std::function<bool()>& cancelled);

// How many of each kind were found since the start and are still there.
std::map<std::string, int> CountDamaged(Store& store);

// NOT_FOUND: no such key. FAILED_PRECONDITION: the record is not damaged, or is not the planner's;
// nothing was removed.
absl::Status RemoveDamaged(Store& store, const std::string& key);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_DAMAGE_DAMAGE_H_
