#include "services/promotion_receiver/program/control.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/client/planner_client.h"
#include "common/http/client.h"
#include "common/log/log.h"
#include "common/process/process.h"
#include "common/program_config/clusters_config.h"
#include "common/program_config/sinks_config.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/engine/engine.h"
#include "services/promotion_receiver/observe/cluster_observer.h"
#include "services/promotion_receiver/observe/fleet_observer.h"
#include "services/promotion_receiver/observe/observer.h"
#include "services/promotion_receiver/strategy/notification_promoter.h"
#include "services/promotion_receiver/strategy/pull_request_promoter.h"
#include "services/promotion_receiver/strategy/rollout_promoter.h"

namespace gitops {
namespace {

constexpr char kUser[] = "the promotion receiver";

struct ControlTables {
  std::vector<SinkSpec> sinks;
  std::vector<ClusterSpec> clusters;
};

absl::StatusOr<ControlTables> ReadTables(const PromotionReceiverConfig& config) {
  const std::string& file = config.settings.Get("config");
  absl::StatusOr<std::vector<SinkSpec>> sinks = ParseSinks(config.text, file);
  absl::StatusOr<std::vector<ClusterSpec>> clusters =
      ParseClusters(config.text, file, CheckKubeconfig);
  if (!sinks.ok() && !clusters.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(sinks.status().message(), "\n", clusters.status().message()));
  }
  if (!sinks.ok()) return sinks.status();
  if (!clusters.ok()) return clusters.status();
  return ControlTables{*std::move(sinks), *std::move(clusters)};
}

// None: there is no --planner.
absl::StatusOr<std::optional<PlannerClient>> DialPlanner(const Settings& settings) {
  if (settings.Get("planner").empty()) return std::optional<PlannerClient>();
  absl::StatusOr<PlannerClient> planner =
      PlannerClient::New({.address = settings.Get("planner"),
                          .insecure = settings.GetBool("insecure"),
                          .tls_dir = settings.Get("tls-dir"),
                          .caller = {.user = kUser}});
  if (!planner.ok()) return planner.status();
  return std::optional<PlannerClient>(*std::move(planner));
}

std::unique_ptr<ClusterObserver> ObserveClusters(std::vector<ClusterSpec> clusters,
                                                 HttpClient* http, Clock* clock) {
  ClusterObserverOptions options;
  options.clusters = std::move(clusters);
  options.http = http;
  options.clock = clock;
  return NewClusterObserver(std::move(options));
}

std::unique_ptr<Observer> WithFleet(const std::optional<PlannerClient>& planner, Clock* clock,
                                    std::unique_ptr<Observer> clusters) {
  std::vector<std::unique_ptr<Observer>> observers;
  if (planner.has_value()) {
    observers.push_back(NewFleetObserver({.planner = *planner, .user = kUser, .clock = clock}));
  }
  observers.push_back(std::move(clusters));
  return ObserveAll(std::move(observers));
}

class EngineControl final : public ReceiverControl {
 public:
  EngineControl(const ReceiverControlOptions& options, ControlTables tables,
                const std::optional<PlannerClient>& planner)
      : secrets_(options.secrets), sinks_(std::move(tables.sinks)) {
    const std::string state_dir = options.config.settings.Get("state-dir");
    PullRequestPromoterOptions pull_request;
    pull_request.directory = state_dir + "/repositories";
    pull_request.runner = runner_.get();
    pull_request.http = http_.get();
    pull_request.secret = [this](const std::string& namespace_, const std::string& secret,
                                 const std::string& key) { return Find(namespace_, secret, key); };
    pull_request.clock = options.clock;
    pull_request_ = NewPullRequestPromoter(std::move(pull_request));
    notification_ = NewNotificationPromoter({.sinks = [this] { return sinks(); },
                                             .store = options.state,
                                             .http = http_.get(),
                                             .clock = options.clock});
    rollout_ = NewRolloutPromoter(planner);
    auto clusters = ObserveClusters(std::move(tables.clusters), http_.get(), options.clock);
    clusters_ = clusters.get();
    observer_ = WithFleet(planner, options.clock, std::move(clusters));
    EngineOptions engine;
    engine.store = options.promotions;
    engine.observer = observer_.get();
    engine.pull_request = pull_request_.get();
    engine.notification = notification_.get();
    engine.rollout = rollout_.get();
    engine.clock = options.clock;
    engine.on_end = [metrics = options.metrics](const record::v1::Promotion& promotion) {
      metrics->PromotionEnded(promotion);
    };
    engine.on_depth = [metrics = options.metrics](int depth) { metrics->InProgress(depth); };
    engine_.emplace(std::move(engine));
  }

  absl::StatusOr<record::v1::Promotion> Approve(const EnvironmentName& where,
                                                const std::string& revision, const Actor& actor,
                                                const std::string& reason, bool force) override {
    return engine_->Approve(where, revision, actor, reason, force);
  }
  absl::StatusOr<record::v1::Promotion> Reject(const EnvironmentName& where,
                                               const std::string& revision, const Actor& actor,
                                               const std::string& reason) override {
    return engine_->Reject(where, revision, actor, reason);
  }
  absl::StatusOr<record::v1::Promotion> Replay(const EnvironmentName& where,
                                               const std::string& revision, const Actor& actor,
                                               const std::string& reason,
                                               RequestIds::Claim* claim) override {
    return engine_->Replay(where, revision, actor, reason, claim);
  }
  void Look(const EnvironmentName& source) override { engine_->Look(source); }

  void SetPipelines(const Pipelines& pipelines) override {
    std::vector<std::shared_ptr<const Pipeline>> list;
    for (const auto& [id, entry] : pipelines.entries) {
      list.push_back(std::make_shared<const Pipeline>(entry.pipeline));
    }
    engine_->SetPipelines(std::move(list));
  }

  void SetConfig(const PromotionReceiverConfig& config) override {
    absl::StatusOr<ControlTables> tables = ReadTables(config);
    if (!tables.ok()) {
      LogError("the [[sinks]] and [[clusters]] stay as they were",
               {{"error", std::string(tables.status().message())}});
      return;
    }
    clusters_->SetClusters(tables->clusters);
    MutexLock lock(mutex_);
    sinks_ = std::move(tables->sinks);
  }

  void Stop() override { engine_->Stop(); }

 private:
  absl::StatusOr<std::vector<Secret>> Find(const std::string& namespace_, const std::string& secret,
                                           const std::string& key) {
    std::vector<Secret> values = secrets_->Current(namespace_, secret, key);
    if (!values.empty()) return values;
    if (absl::Status read = secrets_->Readable(namespace_, secret, key); !read.ok()) return read;
    return absl::NotFoundError(
        absl::StrCat("the secret ", namespace_, "/", secret, " has no ", key));
  }

  std::vector<SinkSpec> sinks() {
    MutexLock lock(mutex_);
    return sinks_;
  }

  Secrets* const secrets_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  Mutex mutex_;
  std::vector<SinkSpec> sinks_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Promoter> pull_request_, notification_, rollout_;
  std::unique_ptr<Observer> observer_;
  ClusterObserver* clusters_ = nullptr;  // a part of observer_
  std::optional<Engine> engine_;         // destroyed first: it uses all of the others
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReceiverControl>> NewReceiverControl(
    ReceiverControlOptions options) {
  absl::StatusOr<ControlTables> tables = ReadTables(options.config);
  if (!tables.ok()) return tables.status();
  const auto planner = DialPlanner(options.config.settings);
  if (!planner.ok()) return planner.status();
  return std::make_unique<EngineControl>(options, *std::move(tables), *planner);
}

absl::Status CheckControlConfig(const PromotionReceiverConfig& config) {
  return ReadTables(config).status();
}

}  // namespace gitops
