#ifndef GITOPS_COMMON_RPC_WATCHES_H_
#define GITOPS_COMMON_RPC_WATCHES_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace gitops {

// The keys that changed since a watcher last took them, each once, however often it changed, so
// that a slow client gets the newest state and nothing piles up. Any thread.
template <typename Key>
class Changes {
 public:
  // Changes that are not urgent are held back for up to `gather` (real time) after the last ones
  // were taken, so that a key that changes often is not reported each time.
  explicit Changes(std::chrono::milliseconds gather = std::chrono::milliseconds(0))
      : gather_(gather), taken_(std::chrono::steady_clock::now() - gather) {}

  // `revision`: the store's revision up to which all changes have been added.
  void Add(Key key, int64_t revision = 0, bool urgent = true) {
    MutexLock lock(mutex_);
    const bool wakes = keys_.empty() || (urgent && !urgent_);
    keys_.insert(std::move(key));
    revision_ = std::max(revision_, revision);
    urgent_ |= urgent;
    if (wakes) woken_.NotifyAll();
  }
  // What has changed until now was told in another way: later changes are held back from here on.
  void Told() {
    MutexLock lock(mutex_);
    taken_ = std::chrono::steady_clock::now();
  }
  // Ends all waiting.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    woken_.NotifyAll();
  }
  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }
  // Waits up to about 200 ms (real time) for a change, and returns none after that, so that the
  // caller can check whether its client is still connected. `revision` (may be null) becomes the
  // revision up to which all changes have been taken.
  std::set<Key> Next(int64_t* revision = nullptr) {
    MutexLock lock(mutex_);
    if (keys_.empty() && !closed_) {
      woken_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(200));
    }
    while (!keys_.empty() && !urgent_ && !closed_ && woken_.WaitUntil(mutex_, taken_ + gather_)) {
    }
    if (!keys_.empty()) taken_ = std::chrono::steady_clock::now();
    urgent_ = false;
    if (revision != nullptr) *revision = std::max(*revision, revision_);
    return std::exchange(keys_, {});
  }

 private:
  const std::chrono::milliseconds gather_;
  mutable Mutex mutex_;
  CondVar woken_;
  std::set<Key> keys_ ABSL_GUARDED_BY(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  bool urgent_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point taken_ ABSL_GUARDED_BY(mutex_);
};

// A stream whose client reads nothing for this long is cancelled.
inline constexpr absl::Duration kMaxWrite = absl::Seconds(60);

// Counts the streams of one kind that a server has open (watches, commands to many hosts), cancels
// those whose client stops reading, and ends them all for a drain. Any thread.
class Watches {
 public:
  // `full`: the error when there are `most` streams. The clock is not owned.
  Watches(int most, absl::Status full, Clock* clock);
  // Destroy all places before.
  ~Watches();

  // The place of one stream, while it exists.
  class Place {
   public:
    Place(Watches* watches, int64_t id) : watches_(watches), id_(id) {}
    ~Place() { watches_->Leave(id_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Calls `write`, which may wait for the client, and returns its result. Cancels the stream
    // after kMaxWrite. One call at a time.
    bool Write(const std::function<bool()>& write) {
      watches_->SetWriting(id_, true);
      const bool written = write();
      watches_->SetWriting(id_, false);
      return written;
    }

   private:
    Watches* const watches_;
    const int64_t id_;
  };

  struct Watcher {
    // Called once, when all are closed.
    std::function<void()> close;
    // Makes a pending write return. May be called several times.
    std::function<void()> cancel;
  };
  // Both functions must be quick. `full`: there are too many. UNAVAILABLE: closed.
  absl::StatusOr<std::unique_ptr<Place>> Enter(Watcher watcher);
  void Close();

 private:
  struct Entry {
    Watcher watcher;
    SteadyTime writing_since = SteadyTime::Infinite();
  };

  void Leave(int64_t id);
  void SetWriting(int64_t id, bool writing);
  void EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The thread that cancels streams whose writes take too long.
  void LookAfter();

  const int most_;
  const absl::Status full_;
  Clock* const clock_;
  Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread looks_after_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_WATCHES_H_
