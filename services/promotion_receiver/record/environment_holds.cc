#include "services/promotion_receiver/record/environment_holds.h"

#include <utility>

namespace gitops {

absl::Status EnvironmentHolds::Read() {
  std::map<std::string, Hold> read;
  absl::Status status = table_.ForEach("", "", [&](Table<Hold>::Row& row) {
    Hold& hold = read[row.name];
    if (row.message.ok()) {
      hold = *std::move(row.message);
    } else {
      hold.set_actor("unknown");
      hold.set_reason("the record of this hold is damaged; release the environment to end it");
    }
    return true;
  });
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  holds_ = std::move(read);
  return absl::OkStatus();
}

absl::Status EnvironmentHolds::Put(const std::string& name, const Hold& hold) {
  const auto written = store_->Write({table_.Put(name, hold)});
  if (!written.ok()) return written.status();
  MutexLock lock(mutex_);
  holds_[name] = hold;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<EnvironmentHolds::Hold>> EnvironmentHolds::Remove(
    const std::string& name) {
  const auto written = store_->Write({table_.Delete(name)});
  if (!written.ok()) return written.status();
  std::optional<Hold> ended = Find(name);
  Forget(name);
  return ended;
}

std::optional<EnvironmentHolds::Hold> EnvironmentHolds::Find(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = holds_.find(name);
  if (found == holds_.end()) return std::nullopt;
  return found->second;
}

void EnvironmentHolds::Forget(const std::string& name) {
  MutexLock lock(mutex_);
  holds_.erase(name);
}

}  // namespace gitops
