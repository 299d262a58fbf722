#ifndef GITOPS_COMMON_STORE_KEPT_CHANGES_H_
#define GITOPS_COMMON_STORE_KEPT_CHANGES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/store/store.h"

namespace gitops {

// What a Store keeps of its changes for watches. It keeps each with its value, a second time, which
// is half of what a write costs; less is enough where no watch looks at values.
struct KeptChanges {
  // Prefixes of keys of which the changes are kept without values: a watch gets an empty value for
  // whatever was put.
  std::vector<std::string> without_values;
  // Prefixes of keys of which no change is kept: a watch is not told of them.
  std::vector<std::string> none;
};

// As OpenSqliteStore of store.h, which keeps all. The file has no memory of `kept`: it is what is
// kept from now on.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteStoreOptions& options,
                                                       KeptChanges kept);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_KEPT_CHANGES_H_
