#ifndef GITOPS_SERVICES_PLANNER_RPC_WATCHES_H_
#define GITOPS_SERVICES_PLANNER_RPC_WATCHES_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"

namespace gitops {

// What changed since a watcher looked: each key once, however often it changed, so that a slow
// client gets the newest and nothing piles up. Any thread.
template <typename Key>
class Changes {
 public:
  void Add(Key key) {
    MutexLock lock(mutex_);
    keys_.insert(std::move(key));
    woken_.NotifyAll();
  }
  // Nothing more is waited for.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    woken_.NotifyAll();
  }
  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }
  // Waits up to about 200 ms (of real time) for a change, and returns none then, so that the caller
  // can look whether its client is still there.
  std::set<Key> Next() {
    MutexLock lock(mutex_);
    if (keys_.empty() && !closed_) {
      woken_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(200));
    }
    return std::exchange(keys_, {});
  }

 private:
  mutable Mutex mutex_;
  CondVar woken_;
  std::set<Key> keys_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// Counts the watchers of a server, and ends them all for a drain. Any thread.
class Watches {
 public:
  explicit Watches(int most) : most_(most) {}

  // A watcher, for as long as this lives.
  class Place {
   public:
    Place(Watches* watches, int64_t id) : watches_(watches), id_(id) {}
    ~Place() { watches_->Leave(id_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Watches* const watches_;
    const int64_t id_;
  };

  // `close` is called once, when all are closed; it must be quick. RESOURCE_EXHAUSTED: there are as
  // many as may be. UNAVAILABLE: closed.
  absl::StatusOr<std::unique_ptr<Place>> Enter(std::function<void()> close);
  void Close();

 private:
  void Leave(int64_t id);

  const int most_;
  Mutex mutex_;
  std::map<int64_t, std::function<void()>> closers_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_WATCHES_H_
