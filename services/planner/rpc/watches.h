#ifndef GITOPS_SERVICES_PLANNER_RPC_WATCHES_H_
#define GITOPS_SERVICES_PLANNER_RPC_WATCHES_H_

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

// The keys that changed since a watcher last asked. Each is kept once, however often it changed, so
// that a slow client gets the newest state and nothing piles up. Any thread.
template <typename Key>
class Changes {
 public:
  // `revision`: the store's, up to which all changes have been added.
  void Add(Key key, int64_t revision = 0) {
    MutexLock lock(mutex_);
    keys_.insert(std::move(key));
    revision_ = std::max(revision_, revision);
    woken_.NotifyAll();
  }
  // Next() no longer waits.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    woken_.NotifyAll();
  }
  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }
  // Returns the changed keys; none after about 200 ms of wall time without a change, so that the
  // caller can check whether its client is still there. `revision`, unless null, is set to that up
  // to which all changes have been returned.
  std::set<Key> Next(int64_t* revision = nullptr) {
    MutexLock lock(mutex_);
    if (keys_.empty() && !closed_) {
      woken_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(200));
    }
    if (revision != nullptr) *revision = std::max(*revision, revision_);
    return std::exchange(keys_, {});
  }

 private:
  mutable Mutex mutex_;
  CondVar woken_;
  std::set<Key> keys_ ABSL_GUARDED_BY(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// A stream whose client reads nothing for so long is cancelled.
inline constexpr absl::Duration kLongestWrite = absl::Seconds(60);

// Counts the streams of one kind that a server has open (watches, commands to many hosts), cancels
// those whose client stops reading, and ends them all for a drain. Any thread.
class Watches {
 public:
  // `full`: the error where there are as many as may be. The clock is not owned.
  Watches(int most, absl::Status full, Clock* clock);
  // After all places.
  ~Watches();

  // A stream, for as long as this lives.
  class Place {
   public:
    Place(Watches* watches, int64_t id) : watches_(watches), id_(id) {}
    ~Place() { watches_->Leave(id_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // Answers what `write` does, which may wait for the client; after kLongestWrite the stream is
    // cancelled. One call at a time.
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
    // Makes a write under way return. May be called several times.
    std::function<void()> cancel;
  };
  // Both functions must be quick. `full`: there are as many as may be. UNAVAILABLE: closed.
  absl::StatusOr<std::unique_ptr<Place>> Enter(Watcher watcher);
  void Close();

 private:
  struct Entry {
    Watcher watcher;
    SteadyTime writing_since = SteadyTime::Infinite();
  };

  void Leave(int64_t id);
  void SetWriting(int64_t id, bool writing);
  // Cancels those that have been writing for too long, until the end.
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

#endif  // GITOPS_SERVICES_PLANNER_RPC_WATCHES_H_
