#include "agent/program/program.h"

#include <google/protobuf/util/message_differencer.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/activate/package_manager.h"
#include "agent/activate/systemd.h"
#include "agent/controller/host_agent.h"
#include "agent/git/git.h"
#include "agent/join/join.h"
#include "agent/join/renewal.h"
#include "agent/metrics/agent_metrics.h"
#include "agent/operation/operation_server.h"
#include "agent/program/bootstrap.h"
#include "agent/program/config_in_force.h"
#include "agent/program/debug_config.h"
#include "agent/program/drivers.h"
#include "agent/program/hello.h"
#include "agent/program/host_root.h"
#include "agent/program/settings.h"
#include "agent/program/work_pools.h"
#include "agent/report/report_settings.h"
#include "agent/report/reporter.h"
#include "agent/rpc/agent_service.h"
#include "agent/rpc/convert.h"
#include "common/audit/audit_log.h"
#include "common/audit/audit_reads.h"
#include "common/config/config_follower.h"
#include "common/config/ports.h"
#include "common/log/log.h"
#include "common/metrics/process_metrics.h"
#include "common/path/fd.h"
#include "common/process/process.h"
#include "common/process/text_diff.h"
#include "common/program_config/setting_rules.h"
#include "common/rpc/grants.h"
#include "common/server/debug_info.h"
#include "common/server/file_limit.h"
#include "common/server/lifecycle.h"
#include "common/server/state_directory.h"
#include "common/server/upkeep.h"
#include "common/store/store.h"
#include "common/text/escape.h"
#include "common/tls/next_files.h"

namespace gitops {
namespace {

using google::protobuf::util::MessageDifferencer;

// The accounts that run git need to reach their mirrors in it; secret files in it are 0600.
constexpr mode_t kStateMode = 0711;
// Thousands of services with their git processes; the programs that the agent runs inherit it.
constexpr int64_t kMaxFiles = 65'536;

// Empty: it keeps none, or has not opened it yet.
v1::AuditHead AuditHeadOf(const RpcGate& gate) {
  AuditLog* const log = gate.audit().log();
  return log == nullptr ? v1::AuditHead() : ToApi(log->storage().head());
}

// Everything between the settings and the servers, in order of dependency.
class Agent {
 public:
  // `git_root`: see ServeAgent.
  explicit Agent(Fd git_root) : git_root_(std::move(git_root)) {}
  ~Agent() {
    memory_.reset();
    follower_.reset();
    renewal_.reset();
    Drain();
    grants_.reset();
    operations_.reset();
    host_.reset();
    packages_.reset();  // waits for an installation, which is not stopped half-way
    runner_->Stop();
    pools_.reset();
    report_scheduler_.reset();
  }

  absl::Status Open(const Settings& flags);
  int Serve();

 private:
  // Nothing new begins, and what may take long ends.
  void Drain();
  absl::Status OpenStore(const std::string& state_dir);
  absl::Status OpenOperations(const std::string& boot_id_file);
  absl::Status OpenReporter(const Settings& settings);
  void OpenRenewal(const Settings& settings);
  v1::DebugInfo DebugInfo() const;
  absl::Status CheckGranted(const Principal& caller, const std::string& action) const;
  absl::Status ReadConfig(const Settings& flags);
  std::unique_ptr<GitDriver> NewGit(const std::string& state_dir);
  // Returns false if it should be tried again.
  bool Reload();

  Clock* const clock_ = Clock::System();
  const std::string host_name_ = HostName();
  std::unique_ptr<ConfigInForce> config_;

  const Fd git_root_;
  std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  // An upstream may take forever, so git is stopped first; a package manager is not stopped.
  std::unique_ptr<ProcessRunner> git_runner_ = NewProcessRunner(git_root_.get());
  Metrics metrics_{"agent"};
  AgentMetrics agent_metrics_{metrics_};
  std::unique_ptr<Store> store_;
  std::unique_ptr<RecordStore> records_;
  std::unique_ptr<WorkPools> pools_;
  std::unique_ptr<GitDriver> git_;
  std::unique_ptr<Systemd> systemd_;
  std::unique_ptr<PackageManager> packages_;
  std::unique_ptr<DriverFactory> drivers_;
  // Separate, so that reports do not wait for the work of services.
  std::unique_ptr<Scheduler> report_scheduler_;
  std::unique_ptr<Reporter> reporter_;  // null: no planner
  std::unique_ptr<Renewal> renewal_;    // null: the host did not join
  std::string advertised_;
  const absl::Time start_time_ = clock_->Now();
  std::unique_ptr<HostAgent> host_;
  RpcGate gate_{/*authorizer=*/nullptr, kRpcShares};
  std::unique_ptr<GrantFile> grants_;
  std::unique_ptr<OperationServer> operations_;
  std::unique_ptr<ConfigFollower> follower_;
  std::unique_ptr<Scheduler::Job> memory_;
};

absl::Status Agent::Open(const Settings& flags) {
  AddProcessMetrics(metrics_);
  if (absl::Status read = ReadConfig(flags); !read.ok()) return read;
  const std::shared_ptr<const AgentConfig> config = config_->Get();
  const Settings& settings = config->settings;
  if (absl::Status allowed = CheckPrivilege(settings); !allowed.ok()) return allowed;
  if (git_root_ && settings.GetBool("root")) {
    if (absl::Status reach = CheckMountsReachHost(); !reach.ok()) return reach;
  }
  if (store_ == nullptr) {
    if (absl::Status opened = OpenStore(settings.Get("state-dir")); !opened.ok()) return opened;
  }
  config_->Keep();
  records_ = std::make_unique<RecordStore>(store_.get());
  pools_ = std::make_unique<WorkPools>(clock_);
  systemd_ = NewBusSystemd(clock_);
  packages_ = NewPackageManager(runner_.get());
  drivers_ = NewDriverFactory(settings, {.git = git_.get(),
                                         .systemd = systemd_.get(),
                                         .packages = packages_.get(),
                                         .records = records_.get(),
                                         .clock = clock_});
  if (absl::Status good = CheckGrants(settings); !good.ok()) return good;
  auto grants = GrantFile::Open(settings.Get("grants"), clock_, pools_->scheduler());
  if (!grants.ok()) return grants.status();
  grants_ = *std::move(grants);
  if (const std::string& tls_dir = settings.Get("tls-dir"); !tls_dir.empty()) {
    if (absl::Status whole = FinishNext(tls_dir); !whole.ok()) return whole;
  }
  if (absl::Status opened = OpenReporter(settings); !opened.ok()) return opened;
  HostAgentOptions options;
  options.default_poll = settings.GetDuration("poll");
  options.clock = clock_;
  options.scheduler = pools_->scheduler();
  options.pools = pools_->services();
  options.poll_scheduler = pools_->polls();
  options.records = records_.get();
  options.drivers = drivers_.get();
  // The store keeps other agents from the directory.
  const std::string diffs = absl::StrCat(settings.Get("state-dir"), "/diffs");
  if (absl::Status removed = RemoveLeftDiffs(diffs); !removed.ok()) {
    LogWarning("contents of files stay on disk", {{"error", std::string(removed.message())}});
  }
  options.diff_texts = [this, diffs](const std::vector<TextPair>& pairs, size_t most,
                                     std::stop_token stop) {
    return DiffTexts(*runner_, diffs, pairs, most, std::move(stop));
  };
  options.on_change = [this](const std::string& service, const ServiceView& view, bool noted) {
    agent_metrics_.SetService({.name = service,
                               .hash = view.record.hash,
                               .target_hash = view.record.target,
                               .state = std::string(StateName(view.record.state)),
                               .changed_at = view.record.change_time});
    if (reporter_ != nullptr && !noted) reporter_->Changed(service);
  };
  options.on_removed = [this](const std::string& service) {
    agent_metrics_.RemoveService(service);
    if (reporter_ != nullptr) reporter_->Changed(service);
  };
  if (reporter_ != nullptr) {
    options.on_tips_begin = [this] { reporter_->BeginTips(); };
    options.on_tips_end = [this](std::vector<TipMove> moves) {
      std::vector<MovedServices> moved;
      for (TipMove& move : moves) moved.push_back({ToProto(move), std::move(move.moved)});
      reporter_->EndTips(std::move(moved));
    };
  }
  options.on_polled = [this](const std::string& upstream) {
    agent_metrics_.UpstreamAnswered(upstream, clock_->Now());
  };
  options.on_upstream_unused = [this](const std::string& upstream) {
    agent_metrics_.RemoveUpstream(upstream);
  };
  host_ = std::make_unique<HostAgent>(std::move(options));
  const bool whole = config_->SetOutcome(host_->Configure(config->services));
  // The mirror of a service that cannot be followed yet is in use.
  if (absl::Status removed = whole ? git_->RemoveUnusedMirrors() : absl::OkStatus();
      !removed.ok()) {
    LogWarning("cannot remove unused mirrors", {{"error", std::string(removed.message())}});
  }
  return OpenOperations(settings.Get("boot-id-file"));
}

void Agent::Drain() {
  if (reporter_ != nullptr) reporter_->Stop();
  if (host_ != nullptr) host_->RequestStop();
  if (operations_ != nullptr) operations_->Stop();
  git_runner_->Stop();
  if (host_ != nullptr) host_->Stop();
}

absl::Status Agent::OpenOperations(const std::string& boot_id_file) {
  auto operations = OperationServer::Make(
      {.store = store_.get(),
       .agent = host_.get(),
       .systemd = systemd_.get(),
       .clock = clock_,
       .gate = &gate_,
       .granted = [this](const Principal& caller,
                         const std::string& action) { return CheckGranted(caller, action); },
       .own_hosts = [this] { return config_->Get()->hosts; },
       .reboot_command = [this] { return config_->Get()->settings.Get("reboot-command"); },
       .boot_id_file = boot_id_file,
       .config_status = [this] { return config_->Status(); }});
  if (!operations.ok()) return operations.status();
  operations_ = *std::move(operations);
  return absl::OkStatus();
}

absl::Status Agent::OpenStore(const std::string& state_dir) {
  // Nobody watches the store, which would keep every value twice.
  auto store = OpenStateStore(state_dir, kAgentStore, clock_, kStateMode, {.none = {"agent/"}});
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  return git_root_ ? CheckSeenByGit(git_root_, state_dir) : absl::OkStatus();
}

absl::Status Agent::OpenReporter(const Settings& settings) {
  if (settings.Get("planner").empty()) return absl::OkStatus();
  report_scheduler_ = NewScheduler(clock_, 1);
  auto reporter = Reporter::New(
      {.planner = settings.Get("planner"),
       .insecure = settings.GetBool("insecure"),
       .tls_dir = settings.Get("tls-dir"),
       .hello = [this] { return MakeHello(*config_, *host_, advertised_, start_time_); },
       .service = [this](const std::string& service) -> std::optional<v1::Service> {
         auto controller = host_->Find(service);
         if (!controller.ok()) return std::nullopt;
         return ToProto((*controller)->spec(), (*controller)->View());
       },
       .config = [this] { return config_->Status(); },
       .audit = [this] { return AuditHeadOf(gate_); },
       .on_connected = [this](bool connected) { agent_metrics_.PlannerConnected(connected); },
       .clock = clock_,
       .scheduler = report_scheduler_.get()});
  if (!reporter.ok()) return reporter.status();
  agent_metrics_.PlannerConnected(false);
  reporter_ = *std::move(reporter);
  return absl::OkStatus();
}

absl::Status Agent::CheckGranted(const Principal& caller, const std::string& action) const {
  const CallerGrants grants = grants_->Of(caller);
  if (!grants.limited()) return absl::OkStatus();
  const std::shared_ptr<const AgentConfig> config = config_->Get();
  std::vector<std::string> tags;
  for (const HostSpec& host : config->hosts) {
    if (host.name == config->host.name) tags = host.tags;
  }
  return grants.Check(Role::kOperator,
                      {.host = config->host.name, .tags = tags, .actions = {action}});
}

void Agent::OpenRenewal(const Settings& settings) {
  const std::string& planner = settings.Get("planner");
  const std::string& tls_dir = settings.Get("tls-dir");
  if (tls_dir.empty() || access(absl::StrCat(tls_dir, "/", kJoinedMark).c_str(), F_OK) != 0) return;
  if (planner.empty()) {
    LogWarning("without --planner nothing renews the certificate", {{"tls-dir", tls_dir}});
    return;
  }
  renewal_ = std::make_unique<Renewal>(
      RenewalOptions{.planner = planner, .tls_dir = tls_dir, .clock = clock_});
}

v1::DebugInfo Agent::DebugInfo() const {
  v1::DebugInfo info = MakeDebugInfo("agent", start_time_, metrics_);
  const std::shared_ptr<const AgentConfig> config = config_->Get();
  info.set_host(config->host.name);
  info.set_config(EnsureUtf8(RenderForDebug(*config)));
  return info;
}

std::unique_ptr<GitDriver> Agent::NewGit(const std::string& state_dir) {
  GitOptions options;
  options.state_dir = state_dir;
  options.runner = git_runner_.get();
  options.clock = clock_;
  options.on_operation = [this](absl::string_view operation, bool ok, absl::Duration duration) {
    agent_metrics_.GitOperation(std::string(operation), ok, duration);
  };
  return std::make_unique<GitDriver>(std::move(options));
}

absl::Status Agent::ReadConfig(const Settings& flags) {
  // With bootstrap, git is needed before the config; only the flags configure it.
  git_ = NewGit(flags.Get("state-dir"));
  auto bootstrap = BootstrapService(flags, host_name_);
  if (!bootstrap.ok()) return bootstrap.status();
  const std::string file = bootstrap->has_value()
                               ? BootstrapConfigFile(**bootstrap, flags.Get("config"))
                               : flags.Get("config");
  config_ = std::make_unique<ConfigInForce>(
      ConfigInForce::Source{
          .flags = flags, .file = file, .host_name = host_name_, .bootstrap = *bootstrap},
      [this](const std::string& fault) { agent_metrics_.ConfigInForce(fault.empty()); });
  if (config_->bootstrap().has_value()) {
    // First, so that no other agent uses the directory.
    if (absl::Status opened = OpenStore(flags.Get("state-dir")); !opened.ok()) return opened;
  }
  if (absl::Status begun = BeginConfig(*config_, flags.GetBool("pull"), *git_); !begun.ok()) {
    return begun;
  }
  const std::string& state_dir = config_->Get()->settings.Get("state-dir");
  if (state_dir != flags.Get("state-dir")) {
    store_.reset();
    git_ = NewGit(state_dir);
  }
  return absl::OkStatus();
}

bool Agent::Reload() {
  const std::shared_ptr<const AgentConfig> former = config_->Get();
  const v1::ConfigStatus status = config_->Status();
  const bool done = config_->Reload(
      [this](const std::vector<ServiceSpec>& services) { return host_->Configure(services); });
  if (reporter_ == nullptr) return done;
  if (config_->Get()->host != former->host) reporter_->Renew();
  if (MessageDifferencer::Equals(config_->Status(), status)) return done;
  reporter_->ConfigChanged();
  return done;
}

int Agent::Serve() {
  auto service = NewAgentService(
      {.agent = host_.get(),
       .clock = clock_,
       .gate = &gate_,
       .actual_host = host_name_,
       .machines = [this] { return config_->Get()->machines; },
       .config_fault = [this] { return config_->fault(); },
       .debug_info = [this] { return DebugInfo(); },
       .secret_files = [this] { return SecretFilesOf(*config_->Get()); },
       .granted = [this](const Principal& caller,
                         const std::string& command) { return CheckGranted(caller, command); }});
  const std::shared_ptr<const AgentConfig> config = config_->Get();
  const Settings& settings = config->settings;
  if (config->services.size() == (config_->bootstrap().has_value() ? 1 : 0)) {
    LogWarning("no service in the config is for this host",
               {{"config", config_->file()}, {"hosts", absl::StrJoin(config->machines, ",")}});
  }
  follower_ = std::make_unique<ConfigFollower>(
      config_->file(), config->text, clock_, pools_->scheduler(), [this] { return Reload(); },
      Followed::kFileAndIncludes);
  // Also what was corrected since it was read, be it to the text that is in force.
  if (!config_->fault().empty()) follower_->Reload();
  memory_ = ReturnMemoryRegularly(clock_, pools_->scheduler());
  auto process =
      ServerProcess::Start(settings, {.program = kAgentProgram,
                                      .services = {service.get(), operations_->service()},
                                      .gate = &gate_,
                                      .metrics = &metrics_,
                                      .on_reload =
                                          [this] {
                                            grants_->Reload();
                                            follower_->Reload();
                                          },
                                      .on_drain = [this] { Drain(); },
                                      .default_socket = kAgentSocket,
                                      .max_threads = kMaxRpcThreads});
  if (!process.ok()) return ReportFailure(kAgentProgram, process.status());
  if (reporter_ != nullptr) {
    advertised_ = AdvertisedAddress(settings, (*process)->addresses().grpc);
    reporter_->Start();
  }
  OpenRenewal(settings);
  (*process)->SetReady(absl::OkStatus());
  return (*process)->Run();
}

}  // namespace

int ServeAgent(const Settings& flags, Fd git_root) {
  RaiseFileLimit(kMaxFiles, "services");
  Agent agent(std::move(git_root));
  if (absl::Status opened = agent.Open(flags); !opened.ok()) {
    return ReportFailure(kAgentProgram, opened);
  }
  return agent.Serve();
}

}  // namespace gitops
