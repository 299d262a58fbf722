#ifndef GITOPS_SERVICES_PLANNER_DAMAGE_DAMAGE_H_
#define GITOPS_SERVICES_PLANNER_DAMAGE_DAMAGE_H_

#include <string>

#include "absl/status/status.h"
#include "common/store/damage.h"
#include "common/store/store.h"

namespace gitops {

// The records that the planner stores.
const RecordKinds& PlannerRecords();

// Removes a damaged record. Errors as those of DamagedAt; nothing was removed then.
absl::Status RemoveDamaged(Store& store, const std::string& key);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_DAMAGE_DAMAGE_H_
