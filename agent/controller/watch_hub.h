#ifndef GITOPS_AGENT_CONTROLLER_WATCH_HUB_H_
#define GITOPS_AGENT_CONTROLLER_WATCH_HUB_H_

#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"

namespace gitops {

// Notifies watchers of changed services. A slow watcher gets each name once, however often the
// service changed meanwhile. Thread-safe.
class WatchHub {
 public:
  explicit WatchHub(int max_watchers) : max_watchers_(max_watchers) {}

  class Watcher {
   public:
    explicit Watcher(WatchHub* hub) : hub_(hub) {}
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // The services that changed since the last call. Waits up to about 200 ms (of real time) for
    // one, then returns none, so that the caller can check whether its client is still connected.
    std::set<std::string> Next();
    // The hub was closed: there will be no more changes.
    bool closed() const;

   private:
    friend class WatchHub;
    WatchHub* hub_;
    std::set<std::string> changed_;  // guarded by hub_->mutex_
  };

  // RESOURCE_EXHAUSTED: max_watchers is reached. UNAVAILABLE: closed.
  absl::StatusOr<std::unique_ptr<Watcher>> Watch();
  void Changed(const std::string& service);
  // Wakes all watchers a last time.
  void Close();

 private:
  const int max_watchers_;
  mutable Mutex mutex_;
  CondVar woken_;
  std::set<Watcher*> watchers_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_WATCH_HUB_H_
