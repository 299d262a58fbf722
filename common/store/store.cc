#include "common/store/store.h"

namespace gitops {

absl::StatusOr<int64_t> Store::Put(absl::string_view key, absl::string_view value,
                                   std::optional<int64_t> expected_revision) {
  StoreWrite write;
  write.key = std::string(key);
  write.value = std::string(value);
  write.expected_revision = expected_revision;
  return Write({std::move(write)});
}

absl::Status Store::Delete(absl::string_view key, std::optional<int64_t> expected_revision) {
  StoreWrite write;
  write.key = std::string(key);
  write.expected_revision = expected_revision;
  return Write({std::move(write)}).status();
}

}  // namespace gitops
