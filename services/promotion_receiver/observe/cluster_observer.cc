#include "services/promotion_receiver/observe/cluster_observer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/toml.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/observe/flux_object.h"
#include "services/promotion_receiver/observe/kube_client.h"
#include "services/promotion_receiver/observe/object_view.h"

namespace gitops {
namespace {

// After Look, until it is clear what the object runs: Flux often sends its event before it has
// written the object's status.
constexpr absl::Duration kUrgent = absl::Minutes(1), kUrgentPoll = absl::Seconds(2);

// Between two looks, however often somebody asks for one.
constexpr absl::Duration kLeastPause = absl::Seconds(1);

double Random() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

bool SameWhereItCounts(const TargetObservation& a, const TargetObservation& b) {
  return std::tie(a.health, a.revision, a.since, a.mark, a.first_mark, a.detail) ==
         std::tie(b.health, b.revision, b.since, b.mark, b.first_mark, b.detail);
}

// Polls one object. Thread-safe.
class PolledObject {
 public:
  PolledObject(KubeObjectName name, const std::string& in_words, KubeClient* client,
               const ClusterObserverOptions* options,
               std::function<void(const std::vector<EnvironmentName>&)> changed)
      : name_(std::move(name)),
        in_words_(in_words),
        client_(client),
        options_(options),
        changed_(std::move(changed)),
        view_(in_words, std::max(4 * options->poll, absl::Minutes(2))) {}

  void Start(Scheduler* scheduler) {
    job_ = scheduler->Add(options_->clock->Now(), [this] { return Poll(); });
  }
  // Waits for a poll in progress.
  void Stop() { job_.reset(); }

  void Look() {
    {
      MutexLock lock(mutex_);
      urgent_until_ = options_->clock->Now() + kUrgent;
    }
    job_->Wake();
  }

  void SetEnvironments(std::vector<EnvironmentName> environments) {
    MutexLock lock(mutex_);
    environments_ = std::move(environments);
  }

  std::optional<TargetObservation> Observation() {
    MutexLock lock(mutex_);
    if (!view_.observable()) return std::nullopt;
    return view_.observation();
  }

 private:
  absl::Time Poll() {
    {
      MutexLock lock(mutex_);
      const absl::Time now = options_->clock->Now();
      if (now < polled_ + kLeastPause && now >= polled_) return polled_ + kLeastPause;
      polled_ = now;
    }
    const absl::StatusOr<nlohmann::json> object = client_->Get(name_);
    absl::StatusOr<FluxStatus> status = object.status();
    if (object.ok()) status = ReadFluxObject(*object);
    std::vector<EnvironmentName> tell;
    absl::Time next;
    {
      MutexLock lock(mutex_);
      const TargetObservation before = view_.observation();
      const bool was_observable = view_.observable();
      view_.Take(status, options_->clock->Now());
      if (!SameWhereItCounts(before, view_.observation()) || was_observable != view_.observable()) {
        tell = environments_;
      }
      next = Next(status.status());
    }
    if (!tell.empty()) changed_(tell);
    return next;
  }

  absl::Time Next(const absl::Status& look) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Time now = options_->clock->Now();
    if (!look.ok() && !absl::IsNotFound(look)) {
      if (++failures_ == 1) {
        LogWarning("A target of promotions cannot be observed; trying again",
                   {{"target", in_words_}, {"error", look.ToString()}});
      }
      return now + std::max(PollBackoff(options_->poll).After(failures_, Random()),
                            RetryDelayOf(look).value_or(absl::ZeroDuration()));
    }
    failures_ = 0;
    absl::Duration pause = options_->poll * (1 - 0.5 * Random());
    if (now < urgent_until_ && view_.observation().health != TargetObservation::Health::kHealthy) {
      pause = std::min(pause, kUrgentPoll);
    }
    return now + pause;
  }

  const KubeObjectName name_;
  const std::string in_words_;
  KubeClient* const client_;
  const ClusterObserverOptions* const options_;
  const std::function<void(const std::vector<EnvironmentName>&)> changed_;
  Mutex mutex_;
  ObjectView view_ ABSL_GUARDED_BY(mutex_);
  std::vector<EnvironmentName> environments_ ABSL_GUARDED_BY(mutex_);
  absl::Time urgent_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time polled_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Scheduler::Job> job_;
};

class ClusterObserver final : public Observer {
 public:
  explicit ClusterObserver(ClusterObserverOptions options)
      : options_(std::move(options)), scheduler_(NewScheduler(options_.clock, options_.threads)) {
    for (const ClusterSpec& spec : options_.clusters) clients_.push_back(ClientOf(spec));
    if (options_.pod.has_value()) {
      pod_ = Client("the cluster of this pod", [pod = *options_.pod] { return pod; });
    }
  }

  ~ClusterObserver() override {
    stopping_ = true;
    for (auto& [key, object] : objects_) object->Stop();
  }

  void OnChange(std::function<void(const EnvironmentName&)> changed) override {
    MutexLock lock(mutex_);
    changed_ = std::move(changed);
  }

  void SetPipelines(const PipelineList& pipelines) override {
    Objects gone;
    {
      MutexLock lock(mutex_);
      gone = std::exchange(objects_, {});
      by_environment_.clear();
      std::map<Key, std::vector<EnvironmentName>> environments;
      for (const auto& pipeline : pipelines) Follow(*pipeline, environments);
      for (const auto& [key, names] : environments) {
        auto found = gone.find(key);
        std::shared_ptr<PolledObject> object =
            found == gone.end() ? NewObject(key) : std::move(found->second);
        if (found != gone.end()) gone.erase(found);
        object->SetEnvironments(names);
        for (const EnvironmentName& name : names) by_environment_[name].push_back(object);
        objects_[key] = std::move(object);
      }
    }
    // Outside of the lock, which a poll in progress may want.
    for (auto& [key, object] : gone) object->Stop();
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
  // An object of a client.
  using Key = std::pair<KubeClient*, KubeObjectName>;
  using Objects = std::map<Key, std::shared_ptr<PolledObject>>;

  std::unique_ptr<KubeClient> Client(const std::string& in_words,
                                     std::function<absl::StatusOr<KubeAccess>()> access) {
    return std::make_unique<KubeClient>(
        KubeClient::Options{.cluster = in_words,
                            .access = std::move(access),
                            .http = options_.http,
                            .directory = options_.state_dir + "/kube",
                            .give_up = [this] { return stopping_.load(); }});
  }

  std::unique_ptr<KubeClient> ClientOf(const ClusterSpec& spec) {
    return Client("cluster " + spec.name, [spec]() -> absl::StatusOr<KubeAccess> {
      const absl::StatusOr<std::string> text = ReadConfigText(spec.kubeconfig);
      if (!text.ok()) return text.status();
      return ParseKubeconfig(*text, spec.kubeconfig, spec.context);
    });
  }

  // Null: none is configured.
  KubeClient* ClientOf(const Target& target, const std::string& pipeline_namespace) const {
    if (!target.cluster.has_value()) return pod_.get();
    const ClusterRef& ref = *target.cluster;
    const std::string& name_space = ref.namespace_.empty() ? pipeline_namespace : ref.namespace_;
    for (size_t i = 0; i < options_.clusters.size(); ++i) {
      const ClusterSpec& spec = options_.clusters[i];
      if (spec.name == ref.name && (spec.namespace_.empty() || spec.namespace_ == name_space)) {
        return clients_[i].get();
      }
    }
    return nullptr;
  }

  void Follow(const Pipeline& pipeline,
              std::map<Key, std::vector<EnvironmentName>>& environments) const {
    const std::pair<std::string, std::string> api =
        absl::StrSplit(pipeline.app.api_version, absl::MaxSplits('/', 1));
    // "v1" alone is the core group, which has no objects of Flux.
    if (api.second.empty() || api.first == "gitops") return;
    for (const Environment& environment : pipeline.environments) {
      for (const Target& target : environment.targets) {
        if (target.hosts.has_value()) continue;
        KubeClient* const client = ClientOf(target, pipeline.namespace_);
        if (client == nullptr) continue;
        const std::string& name_space =
            target.namespace_.empty() ? pipeline.namespace_ : target.namespace_;
        environments[{client, {api.first, pipeline.app.kind, name_space, pipeline.app.name}}]
            .push_back({pipeline.namespace_, pipeline.name, environment.name});
      }
    }
  }

  std::shared_ptr<PolledObject> NewObject(const Key& key) {
    const KubeObjectName& name = key.second;
    auto object = std::make_shared<PolledObject>(
        name,
        absl::StrCat(name.kind, " ", name.namespace_, "/", name.name, " in ", key.first->cluster()),
        key.first, &options_, [this](const auto& environments) { Tell(environments); });
    object->Start(scheduler_.get());
    return object;
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
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::unique_ptr<KubeClient>> clients_;  // of options_.clusters
  std::unique_ptr<KubeClient> pod_;

  Mutex mutex_;
  std::function<void(const EnvironmentName&)> changed_ ABSL_GUARDED_BY(mutex_);
  Objects objects_ ABSL_GUARDED_BY(mutex_);
  std::map<EnvironmentName, std::vector<std::shared_ptr<PolledObject>>> by_environment_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Observer> NewClusterObserver(ClusterObserverOptions options) {
  return std::make_unique<ClusterObserver>(std::move(options));
}

}  // namespace gitops
