#include "common/rpc/watches.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/log/log.h"
#include "common/rpc/error.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr absl::Duration kLook = absl::Seconds(5);

}  // namespace

Watches::Watches(int most, absl::Status full, Clock* clock)
    : most_(most), full_(std::move(full)), clock_(clock) {}

Watches::~Watches() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  if (looks_after_.joinable()) looks_after_.join();
}

void Watches::EnsureThread() {
  if (looks_after_.joinable()) return;
  absl::StatusOr<std::thread> thread =
      StartThread("look after streams whose clients stop reading", [this] { LookAfter(); });
  if (thread.ok()) {
    looks_after_ = *std::move(thread);
  } else {  // the next stream tries it again
    LogWarning("such streams are not cancelled",
               {{"error", std::string(thread.status().message())}});
  }
}

absl::StatusOr<std::unique_ptr<Watches::Place>> Watches::Enter(Watcher watcher) {
  MutexLock lock(mutex_);
  if (closed_) return MakeError(Reason::kServerStopping, "the server is stopping");
  if (static_cast<int>(entries_.size()) >= most_) return full_;
  EnsureThread();
  entries_[++last_id_].watcher = std::move(watcher);
  changed_.NotifyAll();
  return std::make_unique<Place>(this, last_id_);
}

void Watches::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  for (const auto& [id, entry] : entries_) entry.watcher.close();
}

void Watches::Leave(int64_t id) {
  MutexLock lock(mutex_);
  entries_.erase(id);
}

void Watches::SetWriting(int64_t id, bool writing) {
  MutexLock lock(mutex_);
  entries_[id].writing_since = writing ? clock_->SteadyNow() : SteadyTime::Infinite();
}

void Watches::LookAfter() {
  MutexLock lock(mutex_);
  while (!ending_) {
    const SteadyTime now = clock_->SteadyNow();
    for (auto& [id, entry] : entries_) {
      if (now - entry.writing_since >= kMaxWrite) entry.watcher.cancel();
    }
    if (entries_.empty()) {
      changed_.Wait(mutex_);
    } else {
      clock_->WaitUntil(mutex_, changed_, now + kLook);
    }
  }
}

}  // namespace gitops
