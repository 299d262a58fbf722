#include "common/store/table.h"

namespace gitops {
namespace {

constexpr int kValuesPerRead = 128;

}  // namespace

absl::Status DamagedRecord(absl::string_view key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("read ", key, " from the store: ", why));
}

absl::Status ForEachValue(Store& store, absl::string_view prefix, absl::string_view after,
                          const std::function<absl::StatusOr<bool>(const StoredValue&)>& value) {
  std::string last(after);
  while (true) {
    absl::StatusOr<std::vector<StoredValue>> values = store.List(prefix, last, kValuesPerRead);
    if (!values.ok()) return values.status();
    for (const StoredValue& each : *values) {
      absl::StatusOr<bool> go_on = value(each);
      if (!go_on.ok() || !*go_on) return go_on.status();
    }
    if (values->size() < static_cast<size_t>(kValuesPerRead)) return absl::OkStatus();
    last = values->back().key;
  }
}

}  // namespace gitops
