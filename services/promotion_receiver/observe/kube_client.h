#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBE_CLIENT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBE_CLIENT_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/sync/mutex.h"
#include "nlohmann/json.hpp"
#include "services/promotion_receiver/observe/kubeconfig.h"

namespace gitops {

struct KubeObjectName {
  std::string group;  // "helm.toolkit.fluxcd.io"
  std::string kind;
  std::string namespace_;
  std::string name;
  auto operator<=>(const KubeObjectName&) const = default;
};

// Reads objects of one Kubernetes cluster. Thread-safe.
class KubeClient {
 public:
  struct Options {
    std::string cluster;  // in words, for messages: "cluster dev"
    // How to reach it now; called for each request.
    std::function<absl::StatusOr<KubeAccess>()> access;
    // Not owned.
    HttpClient* http = nullptr;
    Clock* clock = Clock::System();
    absl::Duration timeout = absl::Seconds(10);  // of each request
  };
  explicit KubeClient(Options options) : options_(std::move(options)) {}

  // The object in the version that the cluster prefers, found by discovery (which is done again
  // every few minutes, and when the version is no longer served); it names its version in its
  // apiVersion. `give_up` as in HttpRequest. NOT_FOUND: the cluster has no such object. After any
  // other error it is unknown whether the object exists: UNAVAILABLE (with RetryInfo if the API
  // says when to come back), UNAUTHENTICATED, PERMISSION_DENIED, DATA_LOSS (an answer that is no
  // Kubernetes API's), INVALID_ARGUMENT (the kubeconfig), FAILED_PRECONDITION (the cluster does not
  // serve the group or kind), CANCELLED and others of HttpClient. They name the cluster.
  absl::StatusOr<nlohmann::json> Get(const KubeObjectName& name,
                                     const std::function<bool()>& give_up = {});

  const std::string& cluster() const { return options_.cluster; }

 private:
  struct Resource {
    std::string version, plural;
    bool namespaced = true;
    absl::Time found;
  };
  // By group and kind.
  using Kind = std::pair<std::string, std::string>;
  using GiveUp = std::function<bool()>;

  // UNIMPLEMENTED: 404, but not about an object: this path is not served.
  absl::StatusOr<nlohmann::json> GetPath(const std::string& path, const GiveUp& give_up);
  absl::StatusOr<HttpResponse> Ask(const std::string& path, const GiveUp& give_up);
  absl::StatusOr<Resource> Discover(const KubeObjectName& name, const GiveUp& give_up);
  std::optional<Resource> Known(const KubeObjectName& name) const;
  void Forget(const KubeObjectName& name);
  absl::Status Error(const std::string& path, absl::StatusCode code, absl::string_view what) const;
  absl::Status ErrorOf(const std::string& path, const HttpResponse& response) const;

  const Options options_;
  mutable Mutex mutex_;
  std::map<Kind, Resource> resources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBE_CLIENT_H_
