#include "services/hook_dispatcher/program/program.h"

#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/config/ports.h"
#include "common/http/client.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/server/file_limit.h"
#include "common/server/lifecycle.h"
#include "common/server/program.h"
#include "common/server/upkeep.h"
#include "common/text/plural.h"
#include "services/hook_dispatcher/call/dispatcher.h"
#include "services/hook_dispatcher/program/hook_metrics.h"
#include "services/hook_dispatcher/program/settings.h"
#include "services/hook_dispatcher/rpc/hook_service.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-hook-dispatcher";
constexpr char kUsage[] = "gitops-hook-dispatcher --config FILE [FLAGS]";
// A hook may stall on every host of a deployment without delaying other deployments: at most 1,000
// hosts are in progress.
constexpr int kMaxCalls = 1200;
// A selection of 100,000 hosts.
constexpr int kMaxMessageBytes = 32 << 20;
// The maximum per call: its connection, a name lookup, and libcurl's wake-up descriptors.
constexpr int64_t kMaxFiles = 8 * kMaxCalls;

class HookDispatcher {
 public:
  explicit HookDispatcher(Settings flags) : flags_(std::move(flags)) {
    DispatcherOptions options;
    options.http = http_.get();
    options.clock = Clock::System();
    options.observer = CountHooks(metrics_);
    dispatcher_ = NewDispatcher(std::move(options));
    service_ = NewHookService(dispatcher_.get(), &gate_);
  }

  int Serve() {
    absl::StatusOr<HookDispatcherConfig> config = LoadHookDispatcherConfig(flags_);
    absl::Status status = config.status();
    if (status.ok()) status = CheckServerSettings(config->settings);
    if (!status.ok()) return ReportFailure(kProgram, status);
    RaiseFileLimit(kMaxFiles, "stalled hooks");
    if (config->hooks.empty()) {
      LogWarning("the config has no [[hooks]]: no hook will be called",
                 {{"config", flags_.Get("config")}});
    }
    dispatcher_->SetHooks(std::move(config->hooks));
    settings_ = config->settings;
    ServerProcessOptions options;
    options.program = kProgram;
    options.services = {service_.get()};
    options.gate = &gate_;
    options.metrics = &metrics_;
    options.on_reload = [this] { Reload(); };
    options.default_socket = kHookDispatcherSocket;
    options.max_message_bytes = kMaxMessageBytes;
    options.max_threads = kMaxCalls;
    options.max_calls_per_connection = kMaxCalls;
    auto process = ServerProcess::Start(config->settings, std::move(options));
    if (!process.ok()) return ReportFailure(kProgram, process.status());
    (*process)->SetReady(absl::OkStatus());
    return (*process)->Run();
  }

 private:
  // Called only on the signal thread, once the server is ready.
  void Reload() {
    absl::StatusOr<HookDispatcherConfig> config = LoadHookDispatcherConfig(flags_);
    absl::Status status = config.status();
    if (status.ok()) status = CheckServerSettings(config->settings);
    if (!status.ok()) {
      LogError("the new config is invalid; the previous one stays in use",
               {{"config", flags_.Get("config")}, {"error", std::string(status.message())}});
      return;
    }
    TellLateSettings(settings_, config->settings,
                     {"listen", "metrics-listen", "address-file", "insecure"});
    LogInfo("config reloaded",
            {{"config", flags_.Get("config")}, {"hooks", absl::StrCat(config->hooks.size())}});
    dispatcher_->SetHooks(std::move(config->hooks));
  }

  const Settings flags_;
  Settings settings_;  // from the start of the program
  Metrics metrics_{"hook-dispatcher"};
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  RpcGate gate_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<v1::HookDispatcherService::Service> service_;
};

int CheckConfig(const Settings& flags) {
  const absl::StatusOr<HookDispatcherConfig> config = LoadHookDispatcherConfig(flags);
  absl::Status status = config.status();
  if (status.ok()) status = CheckServerSettings(config->settings);
  if (!status.ok()) return ReportFailure(kProgram, status);
  std::cout << flags.Get("config") << ": good; " << Counted(config->hooks.size(), "hook") << "\n";
  return 0;
}

int Run(const Settings& flags) {
  if (flags.GetBool("check-config")) return CheckConfig(flags);
  return HookDispatcher(flags).Serve();
}

}  // namespace

int RunHookDispatcher(const std::vector<std::string>& arguments) {
  return RunServerProgram({kProgram, kUsage, HookDispatcherSettings()}, arguments, Run);
}

}  // namespace gitops
