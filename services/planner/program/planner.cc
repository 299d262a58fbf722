#include "services/planner/program/planner.h"

#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/config/ports.h"
#include "common/http/client.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/schedule/scheduler.h"
#include "common/server/debug_info.h"
#include "common/server/file_limit.h"
#include "common/server/lifecycle.h"
#include "common/server/program.h"
#include "common/server/state_directory.h"
#include "common/server/stop_within.h"
#include "common/server/upkeep.h"
#include "common/store/request_ids.h"
#include "common/store/store.h"
#include "common/text/plural.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/audit/host_audits.h"
#include "services/planner/audit/reported_audits.h"
#include "services/planner/check/host_checks.h"
#include "services/planner/damage/damage.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/metrics/planner_metrics.h"
#include "services/planner/plan/plan_maker.h"
#include "services/planner/program/settings.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/report/report_service.h"
#include "services/planner/rpc/planner_service.h"
#include "services/planner/run/deployments.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-planner";
constexpr char kUsage[] = "gitops-planner [--config FILE] [FLAGS]";
constexpr int kMaxThreads = 4;  // of the scheduler: the config, what is kept, memory
// For --keep-for. For --keep-deployments, after each end, but no more often than the latter.
constexpr absl::Duration kPruneEvery = absl::Hours(1);
constexpr absl::Duration kPruneAfterPrune = absl::Seconds(1);
// What agents reported of their audits is stored this often, for many hosts at once.
constexpr absl::Duration kSaveAuditsEvery = absl::Seconds(5);
// The time that running deployments get to finish their current moves; a kill is safe too.
constexpr absl::Duration kStopBound = absl::Seconds(10);
// Each watch, command to many hosts, and plan that waits for hooks holds a thread.
constexpr int kServerThreads = 256;
// The remaining threads are for freeze and unfreeze.
constexpr int kMaxCalls = 192;
// A payload of `hooks test` may have every host of the fleet.
constexpr int kMaxMessageBytes = 16 << 20;
// Each agent may have a connection for its reports and one that is dialled.
constexpr int kMaxFiles = 65'536;
// The web page and the gateway have one connection for all their users.
constexpr int kMaxCallsPerConnection = 1000;

absl::StatusOr<std::unique_ptr<HookCaller>> MakeHookCaller(const Settings& settings) {
  auto hooks = NewHookCaller({.address = settings.Get("hook-dispatcher"),
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
  v1::DebugInfo DebugInfo() const;
  // Applies the fleet of the config file, and returns the file's settings.
  absl::StatusOr<Settings> Reload();
  absl::Time Prune();
  absl::Time SaveAudits();
  void Drain();

  Clock* const clock_ = Clock::System();
  const absl::Time start_ = clock_->Now();
  const Settings flags_;
  const Settings settings_;  // as at the start

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
  RpcGate gate_{/*authorizer=*/nullptr, {.read = kMaxCalls}};
  ReportedAudits audits_{store_.get(), clock_,
                         [this](const std::string& text) { gate_.audit().Note(text); }};
  const std::unique_ptr<PlannerService> service_;
  ReportService reports_;

  // Destroyed first, since they use the others.
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(clock_, kMaxThreads);
  Upkeep upkeep_;
  SteadyTime next_prune_;  // only used by prune_
  const std::unique_ptr<Scheduler::Job> prune_ =
      scheduler_->Add(clock_->Now(), [this] { return Prune(); });
  const std::unique_ptr<Scheduler::Job> save_audits_ =
      scheduler_->Add(clock_->Now() + kSaveAuditsEvery, [this] { return SaveAudits(); });
};

Planner::Planner(const Settings& flags, PlannerConfig config, std::unique_ptr<Store> store,
                 std::unique_ptr<HookCaller> hooks)
    : flags_(flags),
      settings_(config.settings),
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
                                  .audits = &audits_,
                                  .state = store_.get(),
                                  .debug_info = [this] { return DebugInfo(); }})),
      reports_({.fleet = fleet_.get(),
                .gate = &gate_,
                .audits = &audits_,
                .heartbeat = settings_.GetDuration("heartbeat")}),
      upkeep_({.clock = clock_,
               .scheduler = scheduler_.get(),
               .settings = settings_,
               .text = std::move(config.text),
               .followed = Followed::kFileAndIncludes,
               .reload = [this] { return Reload(); }}) {
  fleet_->Configure(config.fleet);
  planner_metrics_.ShowFleet(fleet_.get());
  planner_metrics_.ShowAudits([this] { return audits_.faults(); });
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

v1::DebugInfo Planner::DebugInfo() const {
  v1::DebugInfo info = MakeDebugInfo("planner", start_, metrics_);
  info.set_config(RenderSettings("planner", settings_));
  return info;
}

absl::StatusOr<Settings> Planner::Reload() {
  absl::StatusOr<PlannerConfig> config = LoadPlannerConfig(flags_);
  if (!config.ok()) return config.status();
  for (const std::string& warning : config->fleet->warnings) LogWarning(warning);
  fleet_->Configure(config->fleet);
  return std::move(config->settings);
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

absl::Time Planner::SaveAudits() {
  if (absl::Status saved = audits_.Save(); !saved.ok()) {
    LogWarning("cannot store what agents reported of their audits",
               {{"error", std::string(saved.message())}});
  }
  return clock_->Now() + kSaveAuditsEvery;
}

void Planner::Drain() {
  service_->Stop();
  reports_.Stop();
  SaveAudits();
  StopWithin(kStopBound, kProgram,
             "deployments did not finish their current move in time; the next start continues",
             [this] { deployments_->Stop(); });
}

int Planner::Serve() {
  auto process = ServerProcess::Start(
      settings_, {.program = kProgram,
                  .services = {service_.get(), &reports_},
                  .gate = &gate_,
                  .host_audits = HostAuditsOf(fleet_.get(), agents_.get(), &audits_),
                  .metrics = &metrics_,
                  .on_reload = [this] { upkeep_.Reload(); },
                  .on_drain = [this] { Drain(); },
                  .default_socket = kPlannerSocket,
                  .max_message_bytes = kMaxMessageBytes,
                  .max_threads = kServerThreads,
                  .max_calls_per_connection = kMaxCallsPerConnection});
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

int CheckConfig(const PlannerConfig& config) {
  const std::string& file = config.settings.Get("config");
  if (file.empty()) {
    return ReportFailure(kProgram, absl::InvalidArgumentError(absl::StrCat(
                                       "no config was named to check; usage: ", kUsage)));
  }
  for (const std::string& warning : config.fleet->warnings) {
    std::cerr << kProgram << ": " << warning << "\n";
  }
  std::cout << file << ": good; " << Counted(config.fleet->hosts.size(), "host") << ", "
            << Counted(config.fleet->services.size(), "service") << "\n";
  return 0;
}

int Run(const Settings& flags) {
  auto config = LoadPlannerConfig(flags);
  absl::Status checked = config.status();
  if (checked.ok()) checked = CheckServerSettings(config->settings);
  if (!checked.ok()) return ReportFailure(kProgram, checked);
  if (flags.GetBool("check-config")) return CheckConfig(*config);
  for (const std::string& warning : config->fleet->warnings) LogWarning(warning);
  RaiseFileLimit(kMaxFiles, "agents");
  // Check what can be wrong before anything is created.
  auto hooks = MakeHookCaller(config->settings);
  if (!hooks.ok()) return ReportFailure(kProgram, hooks.status());
  auto store = OpenStateStore(config->settings.Get("state-dir"), "planner.db", Clock::System());
  if (!store.ok()) return ReportFailure(kProgram, store.status());
  return Planner(flags, *std::move(config), *std::move(store), *std::move(hooks)).Serve();
}

}  // namespace

int RunPlanner(const std::vector<std::string>& arguments) {
  return RunServerProgram({kProgram, kUsage, PlannerSettings()}, arguments, Run);
}

}  // namespace gitops
