#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_CLUSTER_OBSERVER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_CLUSTER_OBSERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/program_config/clusters_config.h"
#include "services/promotion_receiver/observe/kubeconfig.h"
#include "services/promotion_receiver/observe/observer.h"

namespace gitops {

struct ClusterObserverOptions {
  std::vector<ClusterSpec> clusters;
  // For targets without a clusterRef; none: they cannot be observed.
  std::optional<KubeAccess> pod = PodAccess();
  absl::Duration poll = absl::Seconds(30);
  int threads = 2;  // requests to one cluster at the same time
  // Not owned.
  HttpClient* http = nullptr;
  Clock* clock = Clock::System();
};

// Observes the Flux objects of targets in Kubernetes clusters, by polling: every `poll`, jittered
// downwards by up to half of it, more often for a minute after Look, and with back-off on errors. A
// cluster out of reach makes its targets kUnknown, and delays no other cluster. Targets of clusters
// that are not configured, and kinds whose objects do not say which revision they run, are not
// observed. A kubeconfig is read for each request: one that cannot be used then is as it was
// before.
class ClusterObserver : public Observer {
 public:
  // From now on these are the clusters. What is known of a cluster that stays is kept.
  virtual void SetClusters(const std::vector<ClusterSpec>& clusters) = 0;
};

std::unique_ptr<ClusterObserver> NewClusterObserver(ClusterObserverOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_CLUSTER_OBSERVER_H_
