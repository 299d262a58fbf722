#include "services/planner/program/planner.h"

#include <memory>
#include <string>
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
#include "common/server/state_directory.h"
#include "common/server/stop_within.h"
#include "common/store/request_ids.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/check/host_checks.h"
#include "services/planner/damage/damage.h"
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
// After the start, and regularly, since a burst of work may leave unused memory.
constexpr absl::Duration kFirstReturn = absl::Seconds(10), kNextReturns = absl::Minutes(5);
// The time that running deployments get to finish their current moves; a kill is safe too.
constexpr absl::Duration kStopBound = absl::Seconds(10);
// Each watch, command to many hosts, and plan that waits for hooks holds a thread.
constexpr int kServerThreads = 256;
// The remaining threads are for freeze and unfreeze.
constexpr int kMostCalls = 192;
// A payload of `hooks test` may have every host of the fleet.
constexpr int kMostMessageBytes = 16 << 20;
// The web page and the gateway have one connection for all their users.
constexpr int kMostCallsPerConnection = 1000;

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& state_dir, Clock* clock) {
  if (absl::Status made = MakeStateDirectory(state_dir); !made.ok()) return made;
  auto store = OpenSqliteStore({.path = state_dir + "/planner.db", .clock = clock});
  // Another planner has it, which may pass.
  if (absl::IsFailedPrecondition(store.status())) {
    return absl::UnavailableError(store.status().message());
  }
  return store;
}

absl::StatusOr<std::unique_ptr<HookCaller>> MakeHookCaller(const Settings& settings) {
  auto hooks = NewHookCaller({.dispatcher = settings.Get("hook-dispatcher"),
                              .insecure = settings.GetBool("insecure"),
                              .tls_dir = settings.Get("tls-dir"),
                              .connect_timeout = settings.GetDuration("connect-timeout")});
  if (hooks.ok()) return hooks;
  return absl::Status(hooks.status().code(),
                      absl::StrCat("--hook-dispatcher: ", hooks.status().message()));
}

AgentCallerOptions AgentOptions(const Settings& settings) {
  AgentCallerOptions agents;
  agents.insecure = settings.GetBool("insecure");
  agents.tls_dir = settings.Get("tls-dir");
  agents.connect_timeout = settings.GetDuration("connect-timeout");
  agents.return_timeout = settings.GetDuration("return-timeout");
  agents.action_timeout = settings.GetDuration("action-timeout");
  return agents;
}

ReportLimits LimitsOf(const Settings& settings) {
  ReportLimits limits;
  limits.total_bytes = static_cast<size_t>(settings.GetInt("report-memory")) << 20;
  return limits;
}

Retention RetentionOf(const Settings& settings) {
  Retention retention;
  retention.count = static_cast<int>(settings.GetInt("keep-deployments"));
  if (!settings.Get("keep-for").empty()) retention.age = settings.GetDuration("keep-for");
  return retention;
}

// The parts of the planner, and how they are connected.
class Planner {
 public:
  Planner(const Settings& flags, PlannerConfig config, std::unique_ptr<Store> store,
          std::unique_ptr<HookCaller> hooks);

  // Serves until it is stopped. Returns the exit status.
  int Serve();

 private:
  DeploymentObserver Observer();
  // False: not now, for a reason that may pass.
  bool Reload();
  void ReloadNow();
  absl::Time Prune();
  void StartJobs();
  void Drain();

  Clock* const clock_ = Clock::System();
  const Settings flags_;
  const Settings settings_;  // as at the start
  Mutex mutex_;
  PlannerConfig config_ ABSL_GUARDED_BY(mutex_);

  Metrics metrics_{"planner"};
  PlannerMetrics planner_metrics_{metrics_};
  const std::string name_ = PlannerName(settings_);
  const std::unique_ptr<Store> store_;
  const std::unique_ptr<Fleet> fleet_;
  HostLocks locks_;
  DeploymentStore records_{store_.get(), clock_};
  RequestIds request_ids_{store_.get(), "planner/v1/request/", clock_};
  const std::unique_ptr<AgentClient> agents_ = NewAgentClient(AgentOptions(settings_));
  const std::unique_ptr<HookCaller> hooks_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const std::unique_ptr<HostChecks> checks_ = NewHostChecks(agents_.get(), http_.get(), clock_);
  const std::unique_ptr<Deployments> deployments_;
  const PlanMaker plans_;
  const RpcGate gate_{/*authorizer=*/nullptr, kMostCalls};
  const std::unique_ptr<PlannerService> service_;
  ReportService reports_;

  // Destroyed first, since they use the others.
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<ConfigFollower> follower_;
  std::unique_ptr<Scheduler::Job> prune_;  // there before the first deployment runs
  SteadyTime next_prune_;                  // only used by it
  std::unique_ptr<Scheduler::Job> memory_;
};

Planner::Planner(const Settings& flags, PlannerConfig config, std::unique_ptr<Store> store,
                 std::unique_ptr<HookCaller> hooks)
    : flags_(flags),
      settings_(config.settings),
      config_(std::move(config)),
      store_(std::move(store)),
      fleet_(NewFleet({.clock = clock_,
                       .store = store_.get(),
                       .stale_after = settings_.GetDuration("stale-after"),
                       .limits = LimitsOf(settings_)})),
      locks_({.store = store_.get(),
              .clock = clock_,
              .planner = name_,
              .ttl = settings_.GetDuration("lock-ttl")}),
      hooks_(std::move(hooks)),
      deployments_(
          NewDeployments({.clock = clock_,
                          .store = &records_,
                          .locks = &locks_,
                          .fleet = fleet_.get(),
                          .agents = agents_.get(),
                          .hooks = hooks_.get(),
                          .checks = checks_.get(),
                          .observer = Observer(),
                          .planner = name_,
                          .sole_planner = true,  // OpenSqliteStore() has locked it
                          .most_parallel = static_cast<int>(settings_.GetInt("max-parallel-hosts")),
                          .return_timeout = settings_.GetDuration("return-timeout")})),
      plans_(
          {.fleet = fleet_.get(), .hooks = hooks_.get(), .agents = agents_.get(), .clock = clock_}),
      service_(NewPlannerService({.clock = clock_,
                                  .gate = &gate_,
                                  .fleet = fleet_.get(),
                                  .locks = &locks_,
                                  .agents = agents_.get(),
                                  .hooks = hooks_.get(),
                                  .plans = &plans_,
                                  .store = &records_,
                                  .request_ids = &request_ids_,
                                  .deployments = deployments_.get(),
                                  .state = store_.get()})),
      reports_({.fleet = fleet_.get(),
                .gate = &gate_,
                .heartbeat = settings_.GetDuration("heartbeat")}) {
  fleet_->Configure(config_.fleet);
  planner_metrics_.ShowFleet(fleet_.get());
  ShowDamaged(metrics_, store_.get(), PlannerRecords());
}

DeploymentObserver Planner::Observer() {
  DeploymentObserver observer;
  observer.ended = [this](v1::DeploymentState result, absl::Duration took) {
    planner_metrics_.DeploymentEnded(result, took);
    prune_->Wake();
  };
  observer.hosts = [this](const std::string& phase, int hosts) {
    planner_metrics_.HostsInPhase(phase, hosts);
  };
  observer.queued = [this](int waiting) { planner_metrics_.Queued(waiting); };
  return observer;
}

bool Planner::Reload() {
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

void Planner::ReloadNow() {
  if (follower_ != nullptr) return follower_->Reload();
  LogInfo("there is no config to reload", {{"program", kProgram}});
}

absl::Time Planner::Prune() {
  if (const absl::Duration left = next_prune_ - clock_->SteadyNow(); left > absl::ZeroDuration()) {
    return clock_->Now() + left;
  }
  const absl::StatusOr<int> pruned = records_.Prune(RetentionOf(settings_));
  if (!pruned.ok()) {
    LogWarning("cannot remove old deployments",
               {{"error", std::string(pruned.status().message())}});
  } else if (*pruned > 0) {
    LogInfo("old deployments removed", {{"deployments", absl::StrCat(*pruned)}});
  }
  next_prune_ = clock_->SteadyNow() + kPruneAfterPrune;
  return clock_->Now() + kPruneEvery;
}

void Planner::StartJobs() {
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

void Planner::Drain() {
  service_->Stop();
  reports_.Stop();
  StopWithin(kStopBound, kProgram,
             "deployments did not finish their current move in time; the next start continues",
             [this] { deployments_->Stop(); });
}

int Planner::Serve() {
  StartJobs();
  auto process =
      ServerProcess::Start(settings_, {.program = kProgram,
                                       .services = {service_.get(), &reports_},
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

int ServePlanner(const Settings& flags, PlannerConfig config) {
  // Check what can be wrong before anything is created.
  auto hooks = MakeHookCaller(config.settings);
  if (!hooks.ok()) return ReportFailure(kProgram, hooks.status());
  auto store = OpenStore(config.settings.Get("state-dir"), Clock::System());
  if (!store.ok()) return ReportFailure(kProgram, store.status());
  return Planner(flags, std::move(config), *std::move(store), *std::move(hooks)).Serve();
}

}  // namespace gitops
