#include "services/promotion_receiver/record/used_signatures.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/clock/timestamp.h"

namespace gitops {
namespace {

using record::v1::UsedSignature;

constexpr size_t kForgottenAtOnce = 500;

}  // namespace

absl::Status UsedSignatures::Read() {
  std::deque<std::pair<absl::Time, std::string>> read;
  absl::Status status = table_.ForEach("", "", [&](Table<UsedSignature>::Row& row) {
    // Of a damaged one only the name counts.
    read.emplace_back(row.message.ok() ? FromTimestamp(row.message->time()) : absl::InfinitePast(),
                      row.name);
    return true;
  });
  if (!status.ok()) return status;
  std::sort(read.begin(), read.end());
  used_ = std::move(read);
  return absl::OkStatus();
}

absl::Status UsedSignatures::Use(absl::string_view hex, absl::Time now, absl::Duration keep) {
  UsedSignature entry;
  *entry.mutable_time() = ToTimestamp(now);
  std::vector<StoreWrite> writes = {table_.Put(hex, entry)};
  writes[0].expected_revision = 0;
  for (const auto& [time, name] : used_) {
    if (time >= now - keep || writes.size() > kForgottenAtOnce) break;
    if (name != hex) writes.push_back(table_.Delete(name));
  }
  const absl::StatusOr<int64_t> written = store_->Write(writes);
  if (absl::IsFailedPrecondition(written.status())) {
    return absl::AlreadyExistsError("this signature was used before");
  }
  if (!written.ok()) return written.status();
  used_.erase(used_.begin(), used_.begin() + static_cast<std::ptrdiff_t>(writes.size() - 1));
  used_.emplace_back(now, hex);
  return absl::OkStatus();
}

}  // namespace gitops
