#include "services/planner/program/planner.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/config/config_follower.h"
#include "common/http/client.h"
#include "common/log/log.h"
#include "common/memory/memory.h"
#include "common/metrics/metrics.h"
#include "common/schedule/scheduler.h"
#include "common/server/lifecycle.h"
#include "common/server/stop_within.h"
#include "common/store/request_ids.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/check/host_checks.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/metrics/planner_metrics.h"
#include "services/planner/plan/plan_maker.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/report/report_service.h"
#include "services/planner/rpc/planner_service.h"
#include "services/planner/run/deployments.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-planner";
constexpr int kMostThreads = 4;  // of the scheduler: the config, what is kept, memory
// For --keep-for. For --keep-deployments, after each end, but no more often than the latter.
constexpr absl::Duration kPruneEvery = absl::Hours(1);
constexpr absl::Duration kPruneAfterPrune = absl::Seconds(1);
// When the start is over, and again after what a burst of work may have left.
constexpr absl::Duration kFirstReturn = absl::Seconds(10), kNextReturns = absl::Minutes(5);
// What running deployments get to end the move under way; a kill in its midst is safe too.
constexpr absl::Duration kStopBound = absl::Seconds(10);
// Watches and commands to many hosts hold a thread each, plans that wait for hooks too.
constexpr int kServerThreads = 256;
// The rest of the threads is for freeze and unfreeze.
constexpr int kMostCalls = 192;
// A payload for `hooks test` holds every host of the fleet.
constexpr int kMostMessageBytes = 16 << 20;
// The web page and the gateway have one connection for all their users.
constexpr int kMostCallsPerConnection = 1000;

absl::Status MakeStateDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && chmod(path.c_str(), 0700) != 0) error.assign(errno, std::generic_category());
  if (!error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--state-dir: cannot make ", path, ": ", error.message(),
                   "; name a directory that this account may write"));
}

class PlannerImpl final : public Planner {
 public:
  PlannerImpl(const Settings& flags, PlannerConfig config)
      : flags_(flags), name_(PlannerName(config.settings)), config_(std::move(config)) {}
  ~PlannerImpl() override {
    memory_.reset();
    prune_.reset();
    follower_.reset();
    scheduler_.reset();
  }

  absl::Status Open();
  int Serve() override;

 private:
  absl::Status OpenStore(const std::string& state_dir);
  absl::Status MakeCallers(const Settings& settings);
  void MakeCore(const Settings& settings);
  // False: not now, for a reason that may pass.
  bool Reload();
  void ReloadNow();
  absl::Time Prune();
  void StartJobs();
  void Drain();

  Clock* const clock_ = Clock::System();
  const Settings flags_;
  const std::string name_;
  Mutex mutex_;
  PlannerConfig config_ ABSL_GUARDED_BY(mutex_);
  Retention retention_;

  Metrics metrics_{"planner"};
  const std::unique_ptr<PlannerMetrics> planner_metrics_ = MakePlannerMetrics(metrics_);
  std::unique_ptr<Store> store_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<HostLocks> locks_;
  std::optional<DeploymentStore> records_;
  std::optional<RequestIds> request_ids_;
  std::unique_ptr<AgentClient> agents_;
  std::unique_ptr<HookCaller> hooks_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<HostChecks> checks_;
  std::unique_ptr<Deployments> deployments_;
  std::optional<PlanMaker> plans_;
  const RpcGate gate_{/*authorizer=*/nullptr, kMostCalls};
  std::unique_ptr<PlannerService> service_;
  std::unique_ptr<ReportService> reports_;

  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<ConfigFollower> follower_;
  std::unique_ptr<Scheduler::Job> prune_;  // there before the first deployment runs
  SteadyTime next_prune_;                  // only used by it
  std::unique_ptr<Scheduler::Job> memory_;
};

absl::Status PlannerImpl::Open() {
  MutexLock lock(mutex_);
  const Settings& settings = config_.settings;
  // First what can be wrong without anything having been made.
  if (absl::Status made = MakeCallers(settings); !made.ok()) return made;
  if (absl::Status opened = OpenStore(settings.Get("state-dir")); !opened.ok()) return opened;
  ReportLimits limits;
  limits.total_bytes = static_cast<size_t>(settings.GetInt("report-memory")) << 20;
  fleet_ = NewFleet({.clock = clock_,
                     .store = store_.get(),
                     .stale_after = settings.GetDuration("stale-after"),
                     .limits = limits});
  fleet_->Configure(config_.fleet);
  planner_metrics_->ShowFleet(fleet_.get());
  planner_metrics_->ShowDamaged(store_.get());
  MakeCore(settings);
  return absl::OkStatus();
}

absl::Status PlannerImpl::OpenStore(const std::string& state_dir) {
  if (absl::Status made = MakeStateDirectory(state_dir); !made.ok()) return made;
  auto store = OpenSqliteStore({.path = state_dir + "/planner.db", .clock = clock_});
  // Another planner has it: that is no fault of the settings, and passes.
  if (absl::IsFailedPrecondition(store.status())) {
    return absl::UnavailableError(store.status().message());
  }
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  return absl::OkStatus();
}

absl::Status PlannerImpl::MakeCallers(const Settings& settings) {
  const bool insecure = settings.GetBool("insecure");
  const std::string& tls_dir = settings.Get("tls-dir");
  const absl::Duration connect = settings.GetDuration("connect-timeout");
  auto hooks = NewHookCaller({.dispatcher = settings.Get("hook-dispatcher"),
                              .insecure = insecure,
                              .tls_dir = tls_dir,
                              .connect_timeout = connect});
  if (!hooks.ok()) {
    return absl::Status(hooks.status().code(),
                        absl::StrCat("--hook-dispatcher: ", hooks.status().message()));
  }
  hooks_ = *std::move(hooks);
  AgentCallerOptions agents;
  agents.clock = clock_;
  agents.insecure = insecure;
  agents.tls_dir = tls_dir;
  agents.connect_timeout = connect;
  agents.return_timeout = settings.GetDuration("return-timeout");
  agents.action_timeout = settings.GetDuration("action-timeout");
  agents_ = NewAgentClient(agents);
  http_ = NewHttpClient();
  checks_ = NewHostChecks(agents_.get(), http_.get(), clock_);
  return absl::OkStatus();
}

void PlannerImpl::MakeCore(const Settings& settings) {
  locks_ = NewHostLocks({.store = store_.get(),
                         .clock = clock_,
                         .planner = name_,
                         .ttl = settings.GetDuration("lock-ttl")});
  records_.emplace(store_.get(), clock_);
  request_ids_.emplace(store_.get(), "planner/v1/request/", clock_);
  retention_.count = static_cast<int>(settings.GetInt("keep-deployments"));
  if (!settings.Get("keep-for").empty()) retention_.age = settings.GetDuration("keep-for");
  PlannerMetrics* metrics = planner_metrics_.get();
  DeploymentObserver observer;
  observer.ended = [this, metrics](v1::DeploymentState result, absl::Duration took) {
    metrics->DeploymentEnded(result, took);
    prune_->Wake();
  };
  observer.hosts = [metrics](const std::string& phase, int hosts) {
    metrics->HostsInPhase(phase, hosts);
  };
  observer.queued = [metrics](int waiting) { metrics->Queued(waiting); };
  deployments_ =
      NewDeployments({.clock = clock_,
                      .store = &*records_,
                      .locks = locks_.get(),
                      .fleet = fleet_.get(),
                      .agents = agents_.get(),
                      .hooks = hooks_.get(),
                      .checks = checks_.get(),
                      .observer = std::move(observer),
                      .planner = name_,
                      .sole_planner = true,  // OpenSqliteStore() has locked it
                      .most_parallel = static_cast<int>(settings.GetInt("max-parallel-hosts")),
                      .return_timeout = settings.GetDuration("return-timeout")});
  plans_.emplace(PlanMakerOptions{
      .fleet = fleet_.get(), .hooks = hooks_.get(), .agents = agents_.get(), .clock = clock_});
  service_ = NewPlannerService({.clock = clock_,
                                .gate = &gate_,
                                .fleet = fleet_.get(),
                                .locks = locks_.get(),
                                .agents = agents_.get(),
                                .hooks = hooks_.get(),
                                .plans = &*plans_,
                                .store = &*records_,
                                .request_ids = &*request_ids_,
                                .deployments = deployments_.get(),
                                .state = store_.get()});
  reports_ = NewReportService(
      {.fleet = fleet_.get(), .gate = &gate_, .heartbeat = settings.GetDuration("heartbeat")});
}

bool PlannerImpl::Reload() {
  const std::string& file = flags_.Get("config");
  absl::StatusOr<PlannerConfig> config = LoadPlannerConfig(flags_);
  if (!config.ok()) {
    LogError("the new config is invalid; the previous one stays in use",
             {{"config", file}, {"error", std::string(config.status().message())}});
    return true;
  }
  const absl::Status log = CheckServerSettings(config->settings);
  if (!log.ok()) LogWarning(std::string(log.message()));
  for (const std::string& warning : config->fleet->warnings) LogWarning(warning);
  fleet_->Configure(config->fleet);
  LogInfo("config reloaded",
          {{"config", file}, {"hosts", absl::StrCat(config->fleet->hosts.size())}});
  MutexLock lock(mutex_);
  for (const auto& [setting, value] : config->settings.values) {
    if (absl::StartsWith(setting, "log-")) continue;
    if (value.value == config_.settings.Get(setting)) continue;
    LogWarning("this setting takes effect at the next start", {{"setting", setting}});
  }
  config_ = *std::move(config);
  return true;
}

void PlannerImpl::ReloadNow() {
  if (follower_ != nullptr) return follower_->Reload();
  LogInfo("there is no config to reload", {{"program", kProgram}});
}

absl::Time PlannerImpl::Prune() {
  if (const absl::Duration left = next_prune_ - clock_->SteadyNow(); left > absl::ZeroDuration()) {
    return clock_->Now() + left;
  }
  const absl::StatusOr<int> pruned = records_->Prune(retention_);
  if (!pruned.ok()) {
    LogWarning("cannot remove old deployments",
               {{"error", std::string(pruned.status().message())}});
  } else if (*pruned > 0) {
    LogInfo("old deployments removed", {{"deployments", absl::StrCat(*pruned)}});
  }
  next_prune_ = clock_->SteadyNow() + kPruneAfterPrune;
  return clock_->Now() + kPruneEvery;
}

void PlannerImpl::StartJobs() {
  scheduler_ = NewScheduler(clock_, kMostThreads);
  const std::string& file = flags_.Get("config");
  std::string text;
  {
    MutexLock lock(mutex_);
    text = config_.text;
  }
  if (!file.empty()) {
    follower_ =
        FollowConfig(file, std::move(text), clock_, scheduler_.get(), [this] { return Reload(); });
  }
  prune_ = scheduler_->Add(clock_->Now(), [this] { return Prune(); });
  memory_ = scheduler_->Add(clock_->Now() + kFirstReturn, [this] {
    ReturnUnusedMemory();
    return clock_->Now() + kNextReturns;
  });
}

void PlannerImpl::Drain() {
  service_->Stop();
  reports_->Stop();
  StopWithin(kStopBound, kProgram,
             "deployments did not finish their current move in time; the next start continues",
             [this] { deployments_->Stop(); });
}

int PlannerImpl::Serve() {
  StartJobs();
  Settings settings;
  {
    MutexLock lock(mutex_);
    settings = config_.settings;
  }
  auto process =
      ServerProcess::Start(settings, {.program = kProgram,
                                      .services = {service_.get(), reports_.get()},
                                      .metrics = &metrics_,
                                      .on_reload = [this] { ReloadNow(); },
                                      .on_drain = [this] { Drain(); },
                                      .max_message_bytes = kMostMessageBytes,
                                      .max_threads = kServerThreads,
                                      .max_calls_per_connection = kMostCallsPerConnection});
  if (!process.ok()) return ReportFailure(kProgram, process.status());
  if (absl::Status recovered = deployments_->Recover(); !recovered.ok()) {
    Drain();
    return ReportFailure(
        kProgram, absl::UnavailableError(absl::StrCat(
                      "cannot take up the deployments that were left: ", recovered.message())));
  }
  (*process)->SetReady(absl::OkStatus());
  return (*process)->Run();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Planner>> OpenPlanner(const Settings& flags, PlannerConfig config) {
  auto planner = std::make_unique<PlannerImpl>(flags, std::move(config));
  if (absl::Status opened = planner->Open(); !opened.ok()) return opened;
  return planner;
}

}  // namespace gitops
