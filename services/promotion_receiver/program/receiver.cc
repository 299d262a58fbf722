#include "services/promotion_receiver/program/receiver.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/config/ports.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/schedule/scheduler.h"
#include "common/server/lifecycle.h"
#include "common/server/program.h"
#include "common/server/state_directory.h"
#include "common/server/stop_within.h"
#include "common/server/upkeep.h"
#include "common/store/request_ids.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "services/promotion_receiver/intake/intake.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/program/control.h"
#include "services/promotion_receiver/program/receiver_metrics.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/record/record_kinds.h"
#include "services/promotion_receiver/rpc/promotion_service.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-promotion-receiver";
constexpr int kMaxThreads = 4;  // of the scheduler: pipelines, the config, secrets, what is kept
constexpr absl::Duration kLookAtSecrets = absl::Seconds(5);
constexpr absl::Duration kPruneEvery = absl::Hours(1);
constexpr absl::Duration kKeepPromotions = absl::Hours(24 * 90), kKeepBodies = absl::Hours(24 * 7);
// What strategies get to give up; a kill in their midst is safe too.
constexpr absl::Duration kStopBound = absl::Seconds(10);
// Watches hold a thread each, and so do calls that wait for the disk.
constexpr int kServerThreads = 256;
constexpr int kMaxCalls = 160;
// Bodies that wait together in the gateway have up to 64 MiB.
constexpr int kMaxMessageBytes = 80 << 20;
// The gateway has one connection for all its users.
constexpr int kMaxCallsPerConnection = 1000;

class PromotionReceiver {
 public:
  PromotionReceiver(const Settings& flags, PromotionReceiverConfig config)
      : flags_(flags), config_(std::move(config)) {}

  // Reads all that is stored and configured.
  absl::Status Open();
  int Serve();

 private:
  absl::Status OpenStore(const std::string& state_dir);
  absl::Status OpenPipelines(const std::string& directory);
  void MakeIntake(const Settings& settings);
  void MakeService();
  // To the engine and the metrics. From several threads at once.
  void TellPipelines();
  absl::StatusOr<Settings> Reload();
  void ReloadNow();
  absl::Time Prune();
  void StartJobs();
  void Drain();

  Clock* const clock_ = Clock::System();
  const Settings flags_;
  const PromotionReceiverConfig config_;  // as at the start
  Mutex telling_;                         // so that the newest pipelines are told last

  Metrics metrics_{"promotion-receiver"};
  ReceiverMetrics receiver_metrics_{metrics_};
  std::unique_ptr<Store> store_;
  std::unique_ptr<PromotionStore> promotions_;
  std::optional<RequestIds> request_ids_;
  std::optional<Secrets> secrets_;
  std::unique_ptr<ReceiverControl> control_;
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(clock_, kMaxThreads);
  std::unique_ptr<PipelineSet> pipelines_;
  std::unique_ptr<Intake> intake_;
  RpcGate gate_{/*authorizer=*/nullptr, {.read = kMaxCalls}};
  std::unique_ptr<PromotionService> service_;
  std::optional<Upkeep> upkeep_;
  std::unique_ptr<Scheduler::Job> prune_, secrets_job_;
};

absl::Status PromotionReceiver::Open() {
  const Settings& settings = config_.settings;
  if (absl::Status opened = OpenStore(settings.Get("state-dir")); !opened.ok()) return opened;
  secrets_.emplace(settings.Get("secrets"), settings.GetDuration("secret-grace"), clock_);
  auto control = NewReceiverControl({.state = store_.get(),
                                     .promotions = promotions_.get(),
                                     .secrets = &*secrets_,
                                     .metrics = &receiver_metrics_,
                                     .clock = clock_,
                                     .config = config_});
  if (!control.ok()) return control.status();
  control_ = *std::move(control);
  if (absl::Status opened = OpenPipelines(settings.Get("pipelines")); !opened.ok()) return opened;
  MakeIntake(settings);
  MakeService();
  upkeep_.emplace(Upkeep::Options{.clock = clock_,
                                  .scheduler = scheduler_.get(),
                                  .settings = config_.settings,
                                  .text = config_.text,
                                  .reload = [this] { return Reload(); }});
  return absl::OkStatus();
}

absl::Status PromotionReceiver::OpenStore(const std::string& state_dir) {
  auto store =
      OpenStateStore(state_dir, "promotions.db", clock_, /*mode=*/0700, PromotionStore::Kept());
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  auto promotions = PromotionStore::Open(store_.get());
  if (!promotions.ok()) return promotions.status();
  promotions_ = *std::move(promotions);
  ShowDamaged(metrics_, store_.get(), PromotionRecords());
  request_ids_.emplace(store_.get(), "promotion-receiver/v1/request/", clock_);
  return absl::OkStatus();
}

absl::Status PromotionReceiver::OpenPipelines(const std::string& directory) {
  // No change is told before `pipelines_` is set.
  MutexLock lock(telling_);
  auto pipelines =
      PipelineSet::Open(directory, clock_, scheduler_.get(), [this] { TellPipelines(); });
  if (!pipelines.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--pipelines: ", pipelines.status().message()));
  }
  pipelines_ = *std::move(pipelines);
  return absl::OkStatus();
}

void PromotionReceiver::MakeIntake(const Settings& settings) {
  IntakeOptions options;
  options.store = promotions_.get();
  options.secrets = &*secrets_;
  options.clock = clock_;
  options.pipelines = [this] { return pipelines_->Now(); };
  options.policy.allow_unsigned = settings.GetBool("allow-unsigned");
  options.policy.max_age = settings.GetDuration("max-age");
  options.look = [this](const EnvironmentName& source) { control_->Look(source); };
  options.observer = [this](const std::string& pipeline, const std::string& result) {
    receiver_metrics_.EventSeen(pipeline, result);
  };
  options.on_end = [this](const record::v1::Promotion& promotion) {
    receiver_metrics_.PromotionEnded(promotion);
  };
  intake_ = std::make_unique<Intake>(std::move(options));
}

void PromotionReceiver::MakeService() {
  service_ = NewPromotionService({.clock = clock_,
                                  .gate = &gate_,
                                  .state = store_.get(),
                                  .promotions = promotions_.get(),
                                  .request_ids = &*request_ids_,
                                  .intake = intake_.get(),
                                  .secrets = &*secrets_,
                                  .control = control_.get(),
                                  .pipelines = [this] { return pipelines_->Now(); }});
}

void PromotionReceiver::TellPipelines() {
  MutexLock lock(telling_);
  const std::shared_ptr<const Pipelines> now = pipelines_->Now();
  receiver_metrics_.PipelinesRead(now->entries.size(), now->bad.size());
  // Their keys are known before they are rotated.
  for (const auto& [name, entry] : now->entries) {
    for (const Environment& environment : entry.pipeline.environments) {
      secrets_->Current(name.first, environment.key_secret, kHmacKey);
      secrets_->Current(name.first, environment.key_secret, kApprovalKey);
      for (const char* key : {kTokenKey, kUsernameKey, kPasswordKey}) {
        secrets_->Current(name.first, environment.promotion.secret, key);
      }
    }
  }
  control_->SetPipelines(*now);
}

absl::StatusOr<Settings> PromotionReceiver::Reload() {
  absl::StatusOr<PromotionReceiverConfig> config = LoadPromotionReceiverConfig(flags_);
  if (!config.ok()) return config.status();
  if (absl::Status checked = CheckControlConfig(*config); !checked.ok()) return checked;
  control_->SetConfig(*config);
  return std::move(config->settings);
}

void PromotionReceiver::ReloadNow() {
  pipelines_->Reload();
  upkeep_->Reload();
}

absl::Time PromotionReceiver::Prune() {
  const absl::Time now = clock_->Now();
  const absl::Status pruned = promotions_->Prune(now - kKeepPromotions, now - kKeepBodies);
  if (!pruned.ok()) {
    LogWarning("cannot remove old promotions", {{"error", std::string(pruned.message())}});
  }
  return now + kPruneEvery;
}

void PromotionReceiver::StartJobs() {
  TellPipelines();
  prune_ = scheduler_->Add(clock_->Now(), [this] { return Prune(); });
  secrets_job_ = scheduler_->Add(clock_->Now() + kLookAtSecrets, [this] {
    secrets_->Look();
    return clock_->Now() + kLookAtSecrets;
  });
}

void PromotionReceiver::Drain() {
  service_->Stop();
  StopWithin(kStopBound, kProgram,
             "promotions did not give up in time; the next start continues them",
             [this] { control_->Stop(); });
}

int PromotionReceiver::Serve() {
  auto process =
      ServerProcess::Start(config_.settings, {.program = kProgram,
                                              .services = {service_.get()},
                                              .gate = &gate_,
                                              .metrics = &metrics_,
                                              .on_reload = [this] { ReloadNow(); },
                                              .on_drain = [this] { Drain(); },
                                              .default_socket = kPromotionReceiverSocket,
                                              .max_message_bytes = kMaxMessageBytes,
                                              .max_threads = kServerThreads,
                                              .max_calls_per_connection = kMaxCallsPerConnection});
  if (!process.ok()) return ReportFailure(kProgram, process.status());
  StartJobs();
  (*process)->SetReady(absl::OkStatus());
  return (*process)->Run();
}

}  // namespace

int ServePromotionReceiver(const Settings& flags, PromotionReceiverConfig config) {
  PromotionReceiver receiver(flags, std::move(config));
  if (absl::Status opened = receiver.Open(); !opened.ok()) return ReportFailure(kProgram, opened);
  return receiver.Serve();
}

}  // namespace gitops
