#ifndef GITOPS_COMMON_STORE_KEYS_H_
#define GITOPS_COMMON_STORE_KEYS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/store/store.h"

// What every engine does the same way.
namespace gitops {

// The batch rules of Store::Write. INVALID_ARGUMENT: no writes, an empty key, a key twice.
absl::Status CheckWrites(const std::vector<StoreWrite>& writes);

// The least key that is greater than every key beginning with `prefix`; empty: there is none.
std::string PrefixEnd(absl::string_view prefix);

// The least key that begins with `prefix` and is greater than `after`, if such a key exists.
std::string PrefixBegin(absl::string_view prefix, absl::string_view after);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_KEYS_H_
