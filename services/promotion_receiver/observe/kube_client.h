#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBE_CLIENT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBE_CLIENT_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
    // How to reach it; called for the first request, and again when the API refuses the
    // credentials.
    std::function<absl::StatusOr<KubeAccess>()> access;
    HttpClient* http = nullptr;  // not owned
    // For keys and certificates that are not files yet: created with mode 0700, and theirs 0600.
    std::string directory;
    std::function<bool()> give_up;  // as in HttpRequest
  };
  explicit KubeClient(Options options) : options_(std::move(options)) {}

  // The object in the version that the cluster prefers, found by discovery; it names its version in
  // its apiVersion. NOT_FOUND: the cluster has no such object. After any other error it is unknown
  // whether the object exists: UNAVAILABLE (with RetryInfo if the API says when to come back),
  // UNAUTHENTICATED, PERMISSION_DENIED, DATA_LOSS (an answer that is no Kubernetes API's),
  // INVALID_ARGUMENT (the kubeconfig), FAILED_PRECONDITION (the cluster does not serve the group or
  // kind), CANCELLED and others of HttpClient. They name the cluster.
  absl::StatusOr<nlohmann::json> Get(const KubeObjectName& name);

  const std::string& cluster() const { return options_.cluster; }

 private:
  struct Resource {
    std::string version, plural;
    bool namespaced = true;
  };
  // By group and kind.
  using Kind = std::pair<std::string, std::string>;

  absl::StatusOr<nlohmann::json> GetPath(const std::string& path);
  absl::StatusOr<HttpResponse> Ask(const std::string& path, bool reload);
  absl::StatusOr<KubeAccess> Access(bool reload);
  absl::Status SetFiles(const KubeAccess& access, HttpRequest& request) const;
  // The path of a file with the content of `pem`; empty: none.
  absl::StatusOr<std::string> FileOf(const PemSource& pem) const;
  absl::StatusOr<Resource> Discover(const KubeObjectName& name);
  std::optional<Resource> Known(const KubeObjectName& name) const;
  void Forget(const KubeObjectName& name);
  absl::Status Error(const std::string& path, absl::StatusCode code, absl::string_view what) const;
  absl::Status ErrorOf(const std::string& path, const HttpResponse& response) const;

  const Options options_;
  mutable Mutex mutex_;
  std::optional<KubeAccess> access_ ABSL_GUARDED_BY(mutex_);
  std::map<Kind, Resource> resources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_KUBE_CLIENT_H_
