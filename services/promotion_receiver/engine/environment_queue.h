#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENVIRONMENT_QUEUE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENVIRONMENT_QUEUE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/actor.h"
#include "common/schedule/scheduler.h"
#include "common/store/request_ids.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/engine/environment_plan.h"
#include "services/promotion_receiver/observe/observer.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/strategy/promoter.h"

namespace gitops {

// The environments into which a strategy promotes at this moment. Thread-safe.
class TargetsInUse {
 public:
  // False: it is in use.
  bool Take(const EnvironmentName& target);
  void GiveBack(const EnvironmentName& target);

 private:
  Mutex mutex_;
  std::set<EnvironmentName> targets_ ABSL_GUARDED_BY(mutex_);
};

// What the queues of an engine share. All functions may be called on any thread.
struct EngineShared {
  PromotionStore* store = nullptr;
  Observer* observer = nullptr;
  Clock* clock = nullptr;
  absl::Duration pace;  // see EngineOptions
  const std::atomic<bool>* stopping = nullptr;
  std::function<std::shared_ptr<const Pipeline>(const EnvironmentName&)> pipeline;
  // Null: there is none for the strategy.
  std::function<Promoter*(const Strategy&)> promoter;
  std::function<void(const record::v1::Promotion&)> ended;
  // The number of promotions in progress has changed by that much.
  std::function<void(int)> depth;
  TargetsInUse targets;
  // Held while the pipelines and what is observed of them change together: a target that is not
  // observed yet must not be taken for one that cannot be observed.
  Mutex configuring;
  // Decisions and calls of strategies have threads of their own, so that a strategy that hangs
  // delays no decision. Destroyed first.
  std::unique_ptr<Scheduler> deciders, callers;
};

// The promotions out of one environment: one is carried out at a time. Thread-safe.
class EnvironmentQueue {
 public:
  // Not owned; it must outlive the queue.
  EnvironmentQueue(EnvironmentName source, EngineShared* shared);
  // Stop().
  ~EnvironmentQueue();

  // Decides again soon.
  void Wake();
  // The same for news that may come in a storm: at once, but `pace` after the last time at the
  // earliest.
  void Look();
  // Waits for what runs; nothing runs afterwards.
  void Stop();

  // As in PromotionControl; `target` is the environment into which to promote.
  absl::StatusOr<record::v1::Promotion> Approve(const std::string& target,
                                                const std::string& revision,
                                                const record::v1::Approval& approval);
  absl::StatusOr<record::v1::Promotion> Reject(const std::string& target,
                                               const std::string& revision, const Actor& actor,
                                               const std::string& reason);
  absl::StatusOr<record::v1::Promotion> Replay(const std::string& target,
                                               const std::string& revision, const Actor& actor,
                                               const std::string& reason, RequestIds::Claim* claim);

 private:
  using Promotion = record::v1::Promotion;

  // The jobs. They return when to run again.
  absl::Time Decide() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Time Call() ABSL_LOCKS_EXCLUDED(mutex_);

  // Brings the store up to date with what holds now; returns when to do so again.
  absl::StatusOr<absl::Time> Settle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  EnvironmentPlan Plan() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteDepth() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // With `others`, as PromotionStore::Write.
  absl::Status Write(const std::vector<PromotionWrite>& writes,
                     const std::vector<StoreWrite>& others = {});
  // Writes one promotion that was in state `from`.
  absl::Status Write(const Promotion& promotion, record::v1::PromotionState from);
  // Settles, and returns the promotion as it is then.
  absl::StatusOr<Promotion> After(const Promotion& promotion) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Null: the configuration has no place, or no way, for the promotion.
  Promoter* PromoterFor(const Pipeline& pipeline, const Promotion& promotion) const;
  // Whether one that has begun is in a call, or is going to be.
  bool CanGoOn(const Promotion& promotion) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The unfinished promotion of this revision into `target`. NOTHING_WAITS: there is none.
  absl::StatusOr<Promotion> Waiting(const std::string& target, const std::string& revision) const;
  absl::StatusOr<Promotion> Replayable(const std::string& target,
                                       const std::string& revision) const;

  struct Turn {
    PromotionOrder order;
    Promoter* promoter = nullptr;
  };
  // The promotion that is due to be carried out; none: `next` is when one is.
  std::optional<Turn> NextTurn(absl::Time& next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Time DueOf(const Promotion& promotion) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Stores the outcome of a call; keeps it if it cannot be stored now.
  void Finish(const std::string& id, absl::StatusOr<PromotionResult> result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EnvironmentName source_;
  EngineShared* const shared_;

  Mutex mutex_;
  std::string calling_ ABSL_GUARDED_BY(mutex_);  // the promotion in a call; empty: none
  // When to ask again about an effect that has begun, by promotion. Not stored: after a restart it
  // is asked at once.
  std::map<std::string, absl::Time> polls_ ABSL_GUARDED_BY(mutex_);
  // The outcomes that could not be stored, by promotion.
  std::map<std::string, absl::StatusOr<PromotionResult>> outcomes_ ABSL_GUARDED_BY(mutex_);
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // of the store, in a row
  int depth_ ABSL_GUARDED_BY(mutex_) = 0;

  Mutex jobs_mutex_;
  SteadyTime paced_until_ ABSL_GUARDED_BY(jobs_mutex_);
  std::unique_ptr<Scheduler::Job> decide_ ABSL_GUARDED_BY(jobs_mutex_);
  std::unique_ptr<Scheduler::Job> call_ ABSL_GUARDED_BY(jobs_mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENVIRONMENT_QUEUE_H_
