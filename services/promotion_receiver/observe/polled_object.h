#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_POLLED_OBJECT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_POLLED_OBJECT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/program_config/clusters_config.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/kube_client.h"
#include "services/promotion_receiver/observe/object_view.h"
#include "services/promotion_receiver/pipeline/environment_name.h"

namespace gitops {

// A cluster, with threads of its own, so that one that hangs delays no other.
struct PolledCluster {
  PolledCluster(ClusterSpec named, KubeClient::Options options, Clock* clock, int threads)
      : spec(std::move(named)),
        client(std::move(options)),
        scheduler(NewScheduler(clock, threads)) {}

  const ClusterSpec spec;  // of the pod's own cluster: empty
  KubeClient client;
  const std::unique_ptr<Scheduler> scheduler;
};

// Polls one object of a cluster: every `poll`, jittered downwards by up to half of it, more often
// for a minute after Look, and with back-off on errors. Thread-safe.
class PolledObject {
 public:
  // Called with the environments of the object, on a thread of the cluster, when what is seen has
  // changed.
  using Changed = std::function<void(const std::vector<EnvironmentName>&)>;

  // The clock is not owned. Polls from now on.
  PolledObject(KubeObjectName name, std::shared_ptr<PolledCluster> cluster, absl::Duration poll,
               Clock* clock, std::vector<EnvironmentName> environments, Changed changed);
  ~PolledObject() { Stop(); }

  // Polls as soon as possible.
  void Look();
  void SetEnvironments(std::vector<EnvironmentName> environments);
  // None: it cannot be observed.
  std::optional<TargetObservation> Observation();

  // A poll in progress ends soon.
  void GiveUp() { stopping_ = true; }
  // Waits for the end of a poll in progress. Look must not be called any more.
  void Stop();

 private:
  absl::Time Poll();
  absl::Time Next(const absl::Status& look) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const KubeObjectName name_;
  const std::shared_ptr<PolledCluster> cluster_;
  const std::string in_words_;
  const absl::Duration poll_;
  Clock* const clock_;
  const Changed changed_;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  ObjectView view_ ABSL_GUARDED_BY(mutex_);
  std::vector<EnvironmentName> environments_ ABSL_GUARDED_BY(mutex_);
  absl::Time urgent_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time polled_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // The API has asked not to come back before.
  absl::Time not_before_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_POLLED_OBJECT_H_
