#include "services/planner/rpc/watches.h"

#include "absl/strings/str_cat.h"

namespace gitops {

absl::StatusOr<std::unique_ptr<Watches::Place>> Watches::Enter(std::function<void()> close) {
  MutexLock lock(mutex_);
  if (closed_) return absl::UnavailableError("the planner is stopping");
  if (static_cast<int>(closers_.size()) >= most_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this planner has ", most_, " watchers already; end one of them"));
  }
  closers_[++last_id_] = std::move(close);
  return std::make_unique<Place>(this, last_id_);
}

void Watches::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  for (const auto& [id, close] : closers_) close();
}

void Watches::Leave(int64_t id) {
  MutexLock lock(mutex_);
  closers_.erase(id);
}

}  // namespace gitops
