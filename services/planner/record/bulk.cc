#include "services/planner/record/bulk.h"

#include <algorithm>

namespace gitops {
namespace {

constexpr int kValuesPerRead = 128;

size_t SizeOf(const StoreWrite& write) {
  return write.key.size() + (write.value.has_value() ? write.value->size() : 0);
}

// The end of the chunk that begins at `begin`: at least one write.
size_t EndOfChunk(const std::vector<StoreWrite>& writes, size_t begin, size_t together) {
  const size_t last = writes.size() - together;
  if (begin == last) return writes.size();
  size_t bytes = SizeOf(writes[begin]);
  size_t end = begin + 1;
  while (end < writes.size() && end - begin < kMostWritesAtOnce &&
         bytes + SizeOf(writes[end]) <= kMostBytesAtOnce) {
    bytes += SizeOf(writes[end++]);
  }
  return end == writes.size() ? end : std::min(end, last);
}

void TakeBack(Store& store, const std::vector<StoreWrite>& writes, size_t count) {
  for (size_t begin = 0; begin < count; begin += kMostWritesAtOnce) {
    std::vector<StoreWrite> deletions;
    for (size_t i = begin; i < std::min(begin + kMostWritesAtOnce, count); ++i) {
      deletions.emplace_back().key = writes[i].key;
    }
    (void)store.Write(deletions);
  }
}

// `made` becomes the number of writes that were made.
absl::Status WriteInChunks(Store& store, const std::vector<StoreWrite>& writes, size_t together,
                           size_t& made) {
  for (made = 0; made < writes.size();) {
    const size_t end = EndOfChunk(writes, made, together);
    const std::vector<StoreWrite> chunk(writes.begin() + static_cast<std::ptrdiff_t>(made),
                                        writes.begin() + static_cast<std::ptrdiff_t>(end));
    if (absl::Status status = store.Write(chunk).status(); !status.ok()) return status;
    made = end;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteAll(Store& store, const std::vector<StoreWrite>& writes, size_t together) {
  size_t made = 0;
  absl::Status status = WriteInChunks(store, writes, together, made);
  if (!status.ok()) TakeBack(store, writes, made);
  return status;
}

absl::Status ReplaceAll(Store& store, const std::vector<StoreWrite>& writes) {
  size_t made = 0;
  return WriteInChunks(store, writes, /*together=*/0, made);
}

absl::Status DeleteAll(Store& store, absl::string_view prefix) {
  while (true) {
    absl::StatusOr<std::vector<StoredValue>> values = store.List(prefix, "", kValuesPerRead);
    if (!values.ok()) return values.status();
    if (values->empty()) return absl::OkStatus();
    std::vector<StoreWrite> deletions;
    for (const StoredValue& value : *values) deletions.emplace_back().key = value.key;
    if (absl::Status status = store.Write(deletions).status(); !status.ok()) return status;
  }
}

}  // namespace gitops
