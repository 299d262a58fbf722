#ifndef GITOPS_SERVICES_PLANNER_RECORD_BULK_H_
#define GITOPS_SERVICES_PLANNER_RECORD_BULK_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/store/store.h"

// Many values of a store at a time.
namespace gitops {

// Limits of one write, since other writes wait for it.
inline constexpr size_t kMostWritesAtOnce = 4096;
inline constexpr size_t kMostBytesAtOnce = 8 << 20;

// Makes `writes`, none of which replaces anything, in order: in one write if the limits above allow
// it, else in several, so that the last of them proves that all are there. The last `together` are
// always made in one write. If a write fails, those before it are reverted; if that fails too, they
// stay.
absl::Status WriteAll(Store& store, const std::vector<StoreWrite>& writes, size_t together = 1);

// Makes `writes` in order, in as few writes as the limits above allow. If one fails, those before
// it stay.
absl::Status ReplaceAll(Store& store, const std::vector<StoreWrite>& writes);

// Deletes all keys under `prefix`, some at a time.
absl::Status DeleteAll(Store& store, absl::string_view prefix);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_BULK_H_
