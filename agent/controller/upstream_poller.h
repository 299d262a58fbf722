#ifndef GITOPS_AGENT_CONTROLLER_UPSTREAM_POLLER_H_
#define GITOPS_AGENT_CONTROLLER_UPSTREAM_POLLER_H_

#include <array>
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
#include "absl/functional/function_ref.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/controller/service_controller.h"
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
  // One service's part in the poll.
  struct Follower {
    std::string ref;  // its branch
    absl::Duration poll;
    // Receives the newest revision, or an error, and the time of the next poll; and what else was
    // found of it. The note is null unless TipRounds are wanted and the revision is new. Called on
    // a thread of the scheduler, without locks held.
    std::function<void(const absl::StatusOr<std::string>& tip, absl::Time next_poll,
                       const TipLook& look, std::shared_ptr<TipNote> note)>
        on_polled;
    std::set<std::string> paths = {};  // that it publishes
    std::function<ServicePlace()> at = {};
    std::string user = {};
  };

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
  using Followers = std::map<std::string, Follower>;
  // What new tips are to services.
  struct Looked {
    // The revision since which nothing of the service has changed, for those that follow.
    std::map<std::string, absl::StatusOr<std::string>> untouched;
    std::map<std::string, std::string> newest;  // ServiceRecord::newest, for those that do not
    std::map<std::string, CommitInfo> commits;  // by branch
    bool failed = false;                        // something is to be asked again
  };
  // Services that are at the same revision: one question for all of them.
  struct Group {
    std::set<std::string> paths;
    std::map<std::string, const Follower*> followers;
  };
  using Groups = std::map<std::pair<std::string, std::string>, Group>;  // by branch and revision
  Looked Look(const Followers& followers, const Upstream::Tips& tips);
  // Calls `found` for each service, with whether its branch changes something of it since the
  // revision, or why that cannot be told.
  void Compare(const Groups& groups, const Upstream::Tips& tips,
               absl::FunctionRef<void(const std::string& service, const std::string& from,
                                      const absl::StatusOr<bool>& touched)>
                   found);
  void DescribeTips(const Followers& followers, const Upstream::Tips& tips, Looked& looked);
  void Tell(const Followers& followers, const absl::StatusOr<Upstream::Tips>& newest,
            const Looked& looked, absl::Time next);
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
  std::map<std::string, std::string> told_;      // by branch, the tip of the last round
  std::map<std::string, CommitInfo> described_;  // by branch, of the last tip that was read
  // By service, the tip to which it was compared, its own revision, and what was found.
  std::map<std::string, std::array<std::string, 3>> compared_;
  // What failed, for a reason that is not the upstream's, until it is asked for again: by service,
  // the tip and its own revision; by branch, the tip.
  std::map<std::string, std::pair<std::string, std::string>> incomparable_;
  std::map<std::string, std::string> indescribable_;
  // By branch: the stored tip, and the services that are at it.
  std::map<std::string, std::pair<std::string, RecordStore::Generations>> stored_;

  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_UPSTREAM_POLLER_H_
