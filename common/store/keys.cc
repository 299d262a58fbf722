#include "common/store/keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace gitops {

absl::Status CheckWrites(const std::vector<StoreWrite>& writes) {
  if (writes.empty()) {
    return absl::InvalidArgumentError("write to the store: the batch has no writes");
  }
  std::vector<absl::string_view> keys;
  keys.reserve(writes.size());
  for (const StoreWrite& write : writes) {
    if (write.key.empty()) return absl::InvalidArgumentError("write to the store: an empty key");
    keys.push_back(write.key);
  }
  std::sort(keys.begin(), keys.end());
  auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("write to the store: the key ", *twice, " is in the batch twice"));
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::string PrefixBegin(absl::string_view prefix, absl::string_view after) {
  if (after < prefix || after.empty()) return std::string(prefix);
  return absl::StrCat(after, absl::string_view("\0", 1));
}

}  // namespace gitops
