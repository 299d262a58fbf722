#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENGINE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENGINE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/engine/environment_queue.h"
#include "services/promotion_receiver/observe/observer.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/rpc/promotion_control.h"
#include "services/promotion_receiver/strategy/promoter.h"

namespace gitops {

struct EngineOptions {
  // None is owned; all must outlive the engine.
  PromotionStore* store = nullptr;
  Observer* observer = nullptr;  // its OnChange is taken by the engine
  // Null: promotions by this strategy wait, and say so.
  Promoter* pull_request = nullptr;
  Promoter* notification = nullptr;
  Promoter* rollout = nullptr;
  Clock* clock = Clock::System();

  // Promotions that are carried out at the same time; others wait for their turn.
  int threads = 8;
  // The promotions out of an environment are decided about this long after the last time at the
  // earliest, however many events come.
  absl::Duration pace = absl::Milliseconds(500);
  // Called after a promotion was stored as ended, on any thread. May be empty.
  std::function<void(const record::v1::Promotion&)> on_end;
  // Called with the number of promotions in progress whenever it changes, on any thread. May be
  // empty.
  std::function<void(int)> on_depth;
};

// Carries out the promotions of the store: decides when each begins (decide/decide.h), calls the
// strategy until it is done, and creates promotions of revisions that the observer sees and no
// event told of. Works from the store, so that it goes on after a restart where it was.
// Thread-safe.
class Engine final : public PromotionControl {
 public:
  // Begins with the first SetPipelines.
  explicit Engine(EngineOptions options);
  // Stop().
  ~Engine() override;

  // The pipelines as they are configured now, each in its last good version. They are also passed
  // on to the observer.
  void SetPipelines(std::vector<std::shared_ptr<const Pipeline>> pipelines);

  // Tells strategies to give up, and waits until they have returned. What they did not finish is
  // done again after a restart. Afterwards the other methods fail with UNAVAILABLE, and nothing is
  // begun.
  void Stop();

  absl::StatusOr<record::v1::Promotion> Approve(const EnvironmentName& where,
                                                const std::string& revision, const Actor& actor,
                                                const std::string& reason, bool force) override;
  absl::StatusOr<record::v1::Promotion> Reject(const EnvironmentName& where,
                                               const std::string& revision, const Actor& actor,
                                               const std::string& reason) override;
  absl::StatusOr<record::v1::Promotion> Replay(const EnvironmentName& where,
                                               const std::string& revision, const Actor& actor,
                                               const std::string& reason,
                                               RequestIds::Claim* claim) override;
  void Look(const EnvironmentName& source) override;

 private:
  using PipelineId = std::pair<std::string, std::string>;

  std::shared_ptr<const Pipeline> PipelineOf(const EnvironmentName& environment) const;
  // Created if there is none yet. Null: the engine has not started, or has stopped.
  EnvironmentQueue* QueueOf(const EnvironmentName& source);
  // The queue of promotions into `where`: of the environment before it, or of the one from which
  // one of this revision came. UNAVAILABLE: not started, or stopped.
  absl::StatusOr<EnvironmentQueue*> QueueInto(const EnvironmentName& where,
                                              const std::string& revision);

  // What the observer calls; it may outlive the engine.
  struct Listener {
    Mutex mutex;
    Engine* engine ABSL_GUARDED_BY(mutex) = nullptr;  // null: it has stopped
  };

  const EngineOptions options_;
  const std::shared_ptr<Listener> listener_ = std::make_shared<Listener>();
  std::atomic<bool> stopping_ = false;
  std::atomic<int> depth_ = 0;
  EngineShared shared_;
  mutable Mutex mutex_;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;  // the pipelines are known
  std::map<PipelineId, std::shared_ptr<const Pipeline>> pipelines_ ABSL_GUARDED_BY(mutex_);
  // By source. They stay, so that pointers to them do.
  std::map<EnvironmentName, std::unique_ptr<EnvironmentQueue>> queues_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENGINE_H_
