#ifndef GITOPS_COMMON_STORE_DAMAGE_H_
#define GITOPS_COMMON_STORE_DAMAGE_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/metrics/metrics.h"
#include "common/store/store.h"

// Damaged records of a program's store: finding and counting them, for `gitopsctl check`, metrics
// and their removal. Any thread. Errors as Store's.
namespace gitops {

// The records under PREFIX NAME, or PREFIX NAME '/'.
struct RecordKind {
  const char* name;
  bool (*is_good)(const StoredValue& value);
};

template <typename Message>
bool IsMessage(const StoredValue& value) {
  Message message;
  return message.ParseFromString(value.value);
}

struct RecordKinds {
  const char* prefix;  // ends in '/'
  std::vector<RecordKind> kinds;

  // "lock" of "planner/v1/lock/web1".
  std::string NameOf(absl::string_view key) const;
  // Null: no kind of these.
  const RecordKind* Of(absl::string_view key) const;
};

// Reads everything under the prefix: the keys and kinds of damaged records, in the order of the
// keys. CANCELLED: `cancelled` returned true.
absl::StatusOr<std::vector<std::pair<std::string, const char*>>> FindDamaged(
    Store& store, const RecordKinds& kinds, const std::function<bool()>& cancelled);

// How many of each kind were found since the start and are still there.
std::map<std::string, int> CountDamaged(Store& store, const RecordKinds& kinds);

// gitops_store_damaged_records{kind}. `store` is not owned; as for Metrics::AddCollector.
void ShowDamaged(Metrics& metrics, Store* store, const RecordKinds& kinds);

// A record that may be removed. NOT_FOUND: no such key. FAILED_PRECONDITION: it is not damaged, or
// no kind of these.
absl::StatusOr<StoredValue> DamagedAt(Store& store, const RecordKinds& kinds,
                                      const std::string& key);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_DAMAGE_H_
