#include "gateway/program/program.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/audit/open_audit.h"
#include "common/clock/clock.h"
#include "common/config/ports.h"
#include "common/http/client.h"
#include "common/log/log.h"
#include "common/memory/memory.h"
#include "common/metrics/metrics.h"
#include "common/schedule/scheduler.h"
#include "common/server/file_limit.h"
#include "common/server/http_lifecycle.h"
#include "common/server/signals.h"
#include "common/server/version.h"
#include "common/sync/mutex.h"
#include "common/text/plural.h"
#include "gateway/front/issuer_keys.h"
#include "gateway/front/problem.h"
#include "gateway/front/token_file.h"
#include "gateway/program/routes.h"
#include "gateway/program/settings.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-gateway";
constexpr char kUsage[] = "gitops-gateway [--config FILE] [FLAGS]";
constexpr size_t kMaxConnections = 10'000;
// Beside the connections: channels to 1,000 agents, their event engines, and files.
constexpr int64_t kMaxFiles = kMaxConnections + 6'000;
// For handlers that wait for other servers on a thread.
constexpr int kPoolThreads = 32;
constexpr int kMaxEventThreads = 4;
// A plan, or a deployment, of 100,000 hosts.
constexpr int kMaxAnswerBytes = 64 << 20;

// Null: the setting is empty.
absl::StatusOr<std::shared_ptr<const Backend>> DialSetting(const Settings& settings,
                                                           const std::string& setting, int port,
                                                           Reason unreachable) {
  if (settings.Get(setting).empty()) return std::shared_ptr<const Backend>();
  ChannelOptions channel;
  channel.address = settings.Get(setting);
  channel.default_port = port;
  channel.insecure = settings.GetBool("insecure");
  channel.tls_dir = ClientTlsDir(settings);
  channel.max_answer_bytes = kMaxAnswerBytes;
  absl::StatusOr<std::shared_ptr<Backend>> backend =
      Backend::New(absl::StrReplaceAll(setting, {{"-", " "}}), absl::StrCat("gitops-", setting),
                   unreachable, std::move(channel));
  if (backend.ok()) return *std::move(backend);
  return absl::Status(backend.status().code(),
                      absl::StrCat(settings.Origin(setting), ": ", backend.status().message()));
}

class Gateway {
 public:
  Gateway(Settings flags, GatewayConfig config)
      : flags_(std::move(flags)), config_(std::move(config)) {}

  int Serve() {
    absl::Status status = Prepare();
    if (!status.ok()) return ReportFailure(kProgram, status);
    RaiseFileLimit(kMaxFiles, "connections");
    auto process = StartHttpProcess(config_.settings, ProcessOptions());
    if (!process.ok()) return ReportFailure(kProgram, process.status());
    (*process)->SetReady(absl::OkStatus());
    return (*process)->Run();
  }

 private:
  absl::Status Prepare() {
    absl::StatusOr<std::unique_ptr<TokenFile>> tokens =
        TokenFile::Open(config_.settings.Get("tokens"), Clock::System(), scheduler_.get());
    if (!tokens.ok()) return tokens.status();
    tokens_ = *std::move(tokens);
    if (tokens_->tokens()->all().empty() && tokens_->tokens()->issuers().empty()) {
      LogWarning("there are no tokens: routes that need one answer 401; see --tokens");
    }
    FrontOptions front;
    front.tokens = [this] { return tokens_->tokens(); };
    issuer_keys_ =
        std::make_unique<IssuerKeys>(front.tokens, Clock::System(), scheduler_.get(), http_.get());
    front.identify = [this](absl::string_view jwt) { return issuer_keys_->Identify(jwt); };
    front.proxies = config_.proxies;
    front.rate_limit = config_.rate_limit;
    front.gitopper_access = config_.gitopper_access;
    front.metrics = &metrics_;
    absl::StatusOr<std::shared_ptr<AuditLog>> audit = OpenAudit(config_.settings, kProgram);
    if (!audit.ok()) return audit.status();
    if (*audit != nullptr) ShowAudit(metrics_, *audit);
    front.audit = *std::move(audit);
    front_ = NewFront(std::move(front));
    return DialAll();
  }

  absl::Status DialAll() {
    parts_.config = &config_;
    parts_.front = front_.get();
    parts_.caller = &caller_;
    parts_.heartbeats = &heartbeats_;
    parts_.scheduler = scheduler_.get();
    struct Peer {
      const char* setting;
      int port;
      Reason unreachable;
      std::shared_ptr<const Backend>* backend;
    };
    for (const Peer& peer :
         {Peer{"planner", kPlannerPort, Reason::kPlannerUnreachable, &parts_.planner},
          Peer{"promotion-receiver", kPromotionReceiverPort, Reason::kPromotionReceiverUnreachable,
               &parts_.promotion_receiver},
          Peer{"agent", kAgentPort, Reason::kHostUnreachable, &parts_.agent}}) {
      auto backend = DialSetting(config_.settings, peer.setting, peer.port, peer.unreachable);
      if (!backend.ok()) return backend.status();
      *peer.backend = *std::move(backend);
    }
    absl::StatusOr<GatewayClients> clients = GatewayClients::New(config_.settings);
    if (!clients.ok()) return clients.status();
    parts_.clients = *std::move(clients);
    SetWebhooks(config_.webhooks);
    parts_.webhooks = [this] {
      MutexLock lock(mutex_);
      return webhooks_;
    };
    return absl::OkStatus();
  }

  void SetWebhooks(std::vector<WebhookSpec> webhooks) {
    MutexLock lock(mutex_);
    webhooks_ = std::make_shared<const std::vector<WebhookSpec>>(std::move(webhooks));
  }

  HttpProcessOptions ProcessOptions() {
    HttpProcessOptions options;
    options.process.program = kProgram;
    options.process.metrics = &metrics_;
    options.process.on_reload = [this] { Reload(); };
    options.http.event_threads =
        std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxEventThreads);
    options.http.pool_threads = kPoolThreads;
    options.http.max_connections = kMaxConnections;
    options.http.error_response = ProblemFor;
    options.routes = [this](StatusPages pages) { return GatewayRoutes(parts_, std::move(pages)); };
    return options;
  }

  // Called only on the signal thread.
  void Reload() {
    tokens_->Reload();
    const absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(flags_);
    absl::Status status = config.status();
    if (status.ok()) status = CheckHttpServerSettings(config->settings);
    if (!status.ok()) {
      return LogError("the new config is invalid; the previous one stays in use",
                      {{"config", flags_.Get("config")}, {"error", std::string(status.message())}});
    }
    SetWebhooks(config->webhooks);
    for (const SettingDefinition& definition : GatewaySettings()) {
      const std::string& setting = definition.name;
      if (setting == "log-format" || setting == "log-level" ||
          config->settings.Get(setting) == config_.settings.Get(setting)) {
        continue;
      }
      LogWarning("this setting takes effect at the next start", {{"setting", setting}});
    }
    LogInfo("config reloaded", {{"config", flags_.Get("config")}});
  }

  const Settings flags_;
  const GatewayConfig config_;
  Metrics metrics_{"gateway"};
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 2);
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  std::unique_ptr<TokenFile> tokens_;
  std::unique_ptr<IssuerKeys> issuer_keys_;
  std::unique_ptr<Front> front_;
  Heartbeats heartbeats_{scheduler_.get(), Clock::System()};
  Mutex mutex_;
  std::shared_ptr<const std::vector<WebhookSpec>> webhooks_ ABSL_GUARDED_BY(mutex_);
  GatewayParts parts_;
  RpcCaller caller_;  // first to be destroyed: it waits for calls that use the others
};

int CheckConfig(const Settings& flags, const GatewayConfig& config) {
  // Also without a file, so that variables and flags can be checked.
  const std::string& tokens = config.settings.Get("tokens");
  const std::unique_ptr<Scheduler> scheduler = NewScheduler(Clock::System(), 1);
  const auto file = TokenFile::Open(tokens, Clock::System(), scheduler.get());
  if (!file.ok()) return ReportFailure(kProgram, file.status());
  const std::string& name = flags.Get("config");
  std::cout << (name.empty() ? kProgram : name) << ": good; "
            << Counted((*file)->tokens()->all().size(), "token") << ", "
            << Counted((*file)->tokens()->issuers().size(), "issuer") << "\n";
  return 0;
}

}  // namespace

int RunGateway(const std::vector<std::string>& arguments) {
  LimitHeaps();
  BlockSignals();
  const auto flags = ReadFlags(GatewaySettings(), arguments, ProcessEnvironment);
  if (!flags.ok()) return ReportFailure(kProgram, flags.status());
  if (flags->GetBool("help")) {
    std::cout << UsageText(kUsage, GatewaySettings());
    return 0;
  }
  if (flags->GetBool("version")) {
    std::cout << kProgram << " " << Version() << "\n";
    return 0;
  }
  absl::StatusOr<GatewayConfig> config = LoadGatewayConfig(*flags);
  absl::Status status = config.status();
  if (status.ok()) status = CheckHttpServerSettings(config->settings);
  if (!status.ok()) return ReportFailure(kProgram, status);
  if (flags->GetBool("check-config")) return CheckConfig(*flags, *config);
  return Gateway(*flags, *std::move(config)).Serve();
}

}  // namespace gitops
