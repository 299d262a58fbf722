#ifndef GITOPS_AGENT_CONTROLLER_UPSTREAM_POLLER_H_
#define GITOPS_AGENT_CONTROLLER_UPSTREAM_POLLER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/controller/reply.h"
#include "agent/controller/service_view.h"
#include "agent/controller/tip_looks.h"
#include "agent/record/record.h"
#include "agent/source/source.h"
#include "common/clock/clock.h"
#include "common/git/commit.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"

namespace gitops {

// Polls one upstream for all services of it: one request, with jitter and with back-off on errors.
// Those that do not follow their branch by themselves (frozen, coordinated) learn whether it has
// something newer for them. Public methods are thread-safe.
class UpstreamPoller {
 public:
  using Follower = UpstreamFollower;
  using Followers = UpstreamFollowers;

  // Called around the polls that found new revisions, while followers are told. `end` receives, by
  // branch, those whose note was taken; any other may have changed in other ways, or change later.
  struct TipRounds {
    struct Moved {
      std::string ref, tip;
      CommitInfo commit;                  // of the tip, if that is known
      std::vector<std::string> services;  // ordered, at least one
    };
    std::function<void()> begin;
    std::function<void(std::vector<Moved>)> end;
  };

  // The pointers are not owned. `on_success` receives the upstream's name. `records`, if not null,
  // keeps what was verified of the tips.
  UpstreamPoller(std::shared_ptr<Upstream> upstream, Clock* clock, Scheduler* scheduler,
                 std::function<void(const std::string& upstream)> on_success,
                 Scheduler* pool = nullptr, RecordStore* records = nullptr, TipRounds rounds = {});
  ~UpstreamPoller();

  // Adds a follower from the next poll on, which is made at once. After Remove, on_polled is not
  // called any more; Remove waits for a call in progress.
  void Add(const std::string& service, Follower follower);
  void Remove(const std::string& service);
  bool empty() const;
  std::string name() const { return upstream_->name(); }

  // For the fetches of this upstream: its share of `pool`, so that one that does not answer leaves
  // threads for the others.
  Scheduler* fetches() { return fetches_.get(); }

  void PollNow();
  // Polls, and waits for the end of the poll (or for the end of the poller). DEADLINE_EXCEEDED,
  // CANCELLED: see Patience.
  absl::Status PollAndWait(const Patience& patience);

 private:
  absl::Time Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Tell(const Followers& followers, const absl::StatusOr<Upstream::Tips>& newest,
            const TipLooks::Looked& looked, absl::Time next);
  void StoreTips(const Followers& followers, const Upstream::Tips& tips);
  absl::Duration Interval() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<Upstream> upstream_;
  Clock* const clock_;
  const std::function<void(const std::string&)> on_success_;
  const std::unique_ptr<Scheduler> fetches_;
  RecordStore* const records_;
  const TipRounds rounds_;
  std::stop_source stop_;

  // Held while followers are notified; locked before mutex_.
  Mutex telling_;
  mutable Mutex mutex_;
  CondVar polled_;
  std::map<std::string, Follower> followers_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
  int64_t requested_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t completed_ ABSL_GUARDED_BY(mutex_) = 0;
  // Only used by the job.
  int failures_ = 0;
  std::map<std::string, std::string> told_;  // by branch, the tip of the last round
  TipLooks looks_;
  // By branch: the stored tip, and the services that are at it.
  std::map<std::string, std::pair<std::string, RecordStore::Generations>> stored_;

  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_UPSTREAM_POLLER_H_
