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

// What is written at once: other writes wait as long as it takes.
inline constexpr size_t kMostWritesAtOnce = 4096;
inline constexpr size_t kMostBytesAtOnce = 8 << 20;

// Makes `writes`, none of which replaces anything, in their order: at once as far as the limits
// above allow, else in several writes, so that the last of them proves that all are there. The last
// `together` are made at once in any case. When one fails, those before it are taken back; where
// that fails too, they stay.
absl::Status WriteAll(Store& store, const std::vector<StoreWrite>& writes, size_t together = 1);

// Makes `writes` in their order, at once as far as the limits above allow. When one fails, those
// before it stay.
absl::Status ReplaceAll(Store& store, const std::vector<StoreWrite>& writes);

// Deletes all under `prefix`, some at a time.
absl::Status DeleteAll(Store& store, absl::string_view prefix);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_BULK_H_
