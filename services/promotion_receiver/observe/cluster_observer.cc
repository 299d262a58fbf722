#include "services/promotion_receiver/observe/cluster_observer.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/kube_client.h"
#include "services/promotion_receiver/observe/kubeconfig_file.h"
#include "services/promotion_receiver/observe/polled_object.h"

namespace gitops {
namespace {

using ClusterPointer = std::shared_ptr<PolledCluster>;

std::string InWords(const ClusterSpec& spec) {
  return absl::StrCat("cluster ", spec.namespace_, spec.namespace_.empty() ? "" : "/", spec.name);
}

class KubernetesObserver final : public ClusterObserver {
 public:
  explicit KubernetesObserver(ClusterObserverOptions options) : options_(std::move(options)) {
    for (const ClusterSpec& spec : options_.clusters) clusters_.push_back(NewCluster(spec));
    if (options_.pod.has_value()) {
      pod_ = NewCluster({}, "the cluster of this pod", [pod = *options_.pod] { return pod; });
    }
  }

  ~KubernetesObserver() override { Stop(std::move(objects_)); }

  void OnChange(std::function<void(const EnvironmentName&)> changed) override {
    MutexLock lock(mutex_);
    changed_ = std::move(changed);
  }

  void SetPipelines(const PipelineList& pipelines) override {
    Objects gone;
    {
      MutexLock lock(mutex_);
      pipelines_ = pipelines;
      gone = FollowAll();
    }
    Stop(std::move(gone));
  }

  void SetClusters(const std::vector<ClusterSpec>& clusters) override {
    Objects gone;
    std::set<EnvironmentName> concerned;
    {
      MutexLock lock(mutex_);
      std::vector<ClusterPointer> before = std::exchange(clusters_, {});
      for (const ClusterSpec& spec : clusters) {
        const auto same = std::find_if(before.begin(), before.end(),
                                       [&](const ClusterPointer& c) { return c->spec == spec; });
        clusters_.push_back(same == before.end() ? NewCluster(spec) : *same);
      }
      if (clusters_ == before) return;
      for (const auto& [name, objects] : by_environment_) concerned.insert(name);
      gone = FollowAll();
      for (const auto& [name, objects] : by_environment_) concerned.insert(name);
    }
    Stop(std::move(gone));
    Tell({concerned.begin(), concerned.end()});
  }

  std::vector<TargetObservation> Of(const EnvironmentName& environment) override {
    std::vector<TargetObservation> seen;
    for (const auto& object : ObjectsOf(environment)) {
      if (auto observation = object->Observation()) seen.push_back(*std::move(observation));
    }
    return seen;
  }

  void Look(const EnvironmentName& environment) override {
    MutexLock lock(mutex_);
    const auto found = by_environment_.find(environment);
    if (found == by_environment_.end()) return;
    for (const auto& object : found->second) object->Look();
  }

 private:
  // An object of a cluster.
  using Key = std::pair<ClusterPointer, KubeObjectName>;
  using Objects = std::map<Key, std::shared_ptr<PolledObject>>;
  using Environments = std::map<Key, std::vector<EnvironmentName>>;

  ClusterPointer NewCluster(ClusterSpec spec, std::string in_words,
                            std::function<absl::StatusOr<KubeAccess>()> access) const {
    return std::make_shared<PolledCluster>(std::move(spec),
                                           KubeClient::Options{.cluster = std::move(in_words),
                                                               .access = std::move(access),
                                                               .http = options_.http,
                                                               .clock = options_.clock},
                                           options_.clock, options_.threads);
  }

  ClusterPointer NewCluster(const ClusterSpec& spec) const {
    auto file = std::make_shared<KubeconfigFile>(spec.kubeconfig, spec.context);
    return NewCluster(spec, InWords(spec), [file] { return file->Access(); });
  }

  // Null: none is configured.
  ClusterPointer ClusterOf(const Target& target, const std::string& pipeline_namespace) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!target.cluster.has_value()) return pod_;
    const ClusterRef& ref = *target.cluster;
    const std::string& name_space = ref.namespace_.empty() ? pipeline_namespace : ref.namespace_;
    for (const ClusterPointer& cluster : clusters_) {
      const ClusterSpec& spec = cluster->spec;
      if (spec.name == ref.name && (spec.namespace_.empty() || spec.namespace_ == name_space)) {
        return cluster;
      }
    }
    return nullptr;
  }

  // Follows the objects of all pipelines; returns those that are no longer of interest.
  Objects FollowAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Objects before = std::exchange(objects_, {});
    by_environment_.clear();
    Environments environments;
    for (const auto& pipeline : pipelines_) Collect(*pipeline, environments);
    for (const auto& [key, names] : environments) {
      std::shared_ptr<PolledObject>& object = objects_[key];
      if (auto known = before.extract(key)) {
        object = std::move(known.mapped());
        object->SetEnvironments(names);
      } else {
        object = std::make_shared<PolledObject>(
            key.second, key.first, options_.poll, options_.clock, names,
            [this](const std::vector<EnvironmentName>& changed) { Tell(changed); });
      }
      for (const EnvironmentName& name : names) by_environment_[name].push_back(object);
    }
    return before;
  }

  void Collect(const Pipeline& pipeline, Environments& environments) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::pair<std::string, std::string> api =
        absl::StrSplit(pipeline.app.api_version, absl::MaxSplits('/', 1));
    // "v1" alone is the core group, which has no objects of Flux.
    if (api.second.empty() || api.first == "gitops") return;
    for (const Environment& environment : pipeline.environments) {
      for (const Target& target : environment.targets) {
        if (target.hosts.has_value()) continue;
        const ClusterPointer cluster = ClusterOf(target, pipeline.namespace_);
        if (cluster == nullptr) continue;
        const std::string& name_space =
            target.namespace_.empty() ? pipeline.namespace_ : target.namespace_;
        environments[{cluster, {api.first, pipeline.app.kind, name_space, pipeline.app.name}}]
            .push_back({pipeline.namespace_, pipeline.name, environment.name});
      }
    }
  }

  // Outside of the lock, which a poll in progress may want.
  static void Stop(Objects objects) {
    for (const auto& [key, object] : objects) object->GiveUp();
    for (const auto& [key, object] : objects) object->Stop();
  }

  void Tell(const std::vector<EnvironmentName>& environments) {
    std::function<void(const EnvironmentName&)> changed;
    {
      MutexLock lock(mutex_);
      changed = changed_;
    }
    if (!changed) return;
    for (const EnvironmentName& environment : environments) changed(environment);
  }

  std::vector<std::shared_ptr<PolledObject>> ObjectsOf(const EnvironmentName& environment) {
    MutexLock lock(mutex_);
    const auto found = by_environment_.find(environment);
    return found == by_environment_.end() ? std::vector<std::shared_ptr<PolledObject>>()
                                          : found->second;
  }

  const ClusterObserverOptions options_;
  ClusterPointer pod_;

  Mutex mutex_;
  std::function<void(const EnvironmentName&)> changed_ ABSL_GUARDED_BY(mutex_);
  PipelineList pipelines_ ABSL_GUARDED_BY(mutex_);
  std::vector<ClusterPointer> clusters_ ABSL_GUARDED_BY(mutex_);
  Objects objects_ ABSL_GUARDED_BY(mutex_);
  std::map<EnvironmentName, std::vector<std::shared_ptr<PolledObject>>> by_environment_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<ClusterObserver> NewClusterObserver(ClusterObserverOptions options) {
  return std::make_unique<KubernetesObserver>(std::move(options));
}

}  // namespace gitops
