#include "common/store/damaged_records.h"

#include "common/log/log.h"

namespace gitops {
namespace {

constexpr size_t kMaxNoted = 10'000;

}  // namespace

void DamagedRecords::Note(absl::string_view key, int64_t revision) {
  {
    MutexLock lock(mutex_);
    const auto known = revisions_.find(key);
    if (known != revisions_.end() && known->second == revision) return;
    if (known == revisions_.end() && revisions_.size() >= kMaxNoted) return;
    revisions_[std::string(key)] = revision;
    count_ = revisions_.size();
  }
  LogError("a stored record is damaged and is skipped", {{"key", std::string(key)}});
}

void DamagedRecords::Forget(absl::string_view key) {
  MutexLock lock(mutex_);
  const auto known = revisions_.find(key);
  if (known != revisions_.end()) revisions_.erase(known);
  count_ = revisions_.size();
}

std::map<std::string, int64_t> DamagedRecords::Noted() const {
  MutexLock lock(mutex_);
  return {revisions_.begin(), revisions_.end()};
}

}  // namespace gitops
