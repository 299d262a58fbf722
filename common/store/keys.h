#ifndef GITOPS_COMMON_STORE_KEYS_H_
#define GITOPS_COMMON_STORE_KEYS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/store/store.h"

// Shared by all engines.
namespace gitops {

// The batch rules of Store::Write. INVALID_ARGUMENT: no writes, an empty key, a key twice.
absl::Status CheckWrites(const std::vector<StoreWrite>& writes);

// The smallest key that is greater than every key with `prefix`; empty: there is none.
std::string PrefixEnd(absl::string_view prefix);

// The smallest key that starts with `prefix` and is greater than `after`, if there is one.
std::string PrefixBegin(absl::string_view prefix, absl::string_view after);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_KEYS_H_
