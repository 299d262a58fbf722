#include "common/server/lifecycle.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "common/http/server.h"
#include "common/http/status_routes.h"
#include "common/log/log.h"
#include "common/rpc/server.h"
#include "common/server/signals.h"
#include "common/server/stop_within.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

constexpr absl::Duration kAfterCancel = absl::Seconds(5);

// Adds advice to the error of an address that could not be bound.
absl::Status ForSetting(const absl::Status& status, const Settings& settings,
                        absl::string_view name) {
  std::string message = absl::StrCat("--", name, ": ", status.message());
  if (status.code() == absl::StatusCode::kUnavailable) {
    absl::StrAppend(&message, ". Stop the program there, or use another address with --", name,
                    " (set by ", settings.Origin(name), "; port 0 picks a free one)");
  }
  return absl::Status(status.code(), message);
}

class ServerProcessImpl : public ServerProcess {
 public:
  explicit ServerProcessImpl(ServerProcessOptions options) : options_(std::move(options)) {}

  absl::Status Start(const Settings& settings) {
    for (auto step : {&ServerProcessImpl::StartRpc, &ServerProcessImpl::StartPages,
                      &ServerProcessImpl::StartSignals, &ServerProcessImpl::TellAddresses}) {
      if (absl::Status status = (this->*step)(settings); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const ServedAddresses& addresses() const override { return addresses_; }

  void SetReady(absl::Status status) override {
    MutexLock lock(mutex_);
    // A late "ready" of a part that is still starting must not attract clients again.
    if (stopping_) return;
    ready_ = std::move(status);
    rpc_->SetServing(ready_.ok());
  }

  int Run() override {
    {
      MutexLock lock(mutex_);
      while (!stopping_) changed_.Wait(mutex_);
      ready_ = absl::UnavailableError("stopping");
      rpc_->SetServing(false);
    }
    LogInfo("stopping",
            {{"program", options_.program}, {"drain", absl::FormatDuration(options_.drain)}});
    if (options_.on_drain) options_.on_drain();
    StopWithin(options_.drain + kAfterCancel, options_.program,
               "calls did not end although they were cancelled; exiting without them",
               [this] { rpc_->Shutdown(options_.drain); });
    pages_.reset();
    LogInfo("stopped", {{"program", options_.program}});
    return 0;
  }

  void Stop() override {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }

 private:
  absl::Status StartRpc(const Settings& settings) {
    RpcServerOptions rpc;
    rpc.listen = settings.Get("listen");
    rpc.insecure = settings.GetBool("insecure");
    rpc.tls_dir = settings.Get("tls-dir");
    rpc.services = options_.services;
    rpc.metrics = options_.metrics;
    rpc.max_message_bytes = options_.max_message_bytes;
    rpc.max_threads = options_.max_threads;
    rpc.max_calls_per_connection = options_.max_calls_per_connection;
    absl::StatusOr<std::unique_ptr<RpcServer>> server = RpcServer::Start(rpc);
    if (!server.ok()) return ForSetting(server.status(), settings, "listen");
    rpc_ = *std::move(server);
    addresses_.grpc = rpc_->address();
    return absl::OkStatus();
  }

  absl::Status StartPages(const Settings& settings) {
    StatusPages pages;
    pages.metrics_text = [metrics = options_.metrics] { return metrics->Text(); };
    pages.healthy = options_.healthy;
    pages.ready = [this] {
      MutexLock lock(mutex_);
      return ready_;
    };
    absl::StatusOr<std::unique_ptr<HttpServer>> server =
        HttpServer::Start(StatusServerOptions(settings.Get("metrics-listen"), std::move(pages)));
    if (!server.ok()) return ForSetting(server.status(), settings, "metrics-listen");
    pages_ = *std::move(server);
    addresses_.http = pages_->addresses()[0];
    return absl::OkStatus();
  }

  absl::Status StartSignals(const Settings&) {
    absl::StatusOr<std::unique_ptr<SignalWaiter>> signals =
        SignalWaiter::Start({.on_terminate = [this] { Stop(); }, .on_reload = options_.on_reload});
    if (!signals.ok()) return signals.status();
    signals_ = *std::move(signals);
    return absl::OkStatus();
  }

  absl::Status TellAddresses(const Settings& settings) {
    const std::string& file = settings.Get("address-file");
    if (!file.empty()) {
      if (absl::Status status = WriteAddressFile(file, addresses_); !status.ok()) {
        return ForSetting(status, settings, "address-file");
      }
    }
    LogInfo("serving",
            {{"program", options_.program}, {"grpc", addresses_.grpc}, {"http", addresses_.http}});
    return absl::OkStatus();
  }

  const ServerProcessOptions options_;
  ServedAddresses addresses_;
  Mutex mutex_;
  CondVar changed_;
  absl::Status ready_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("starting");
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Destroyed in reverse order: first the members that call into this object.
  std::unique_ptr<RpcServer> rpc_;
  std::unique_ptr<HttpServer> pages_;
  std::unique_ptr<SignalWaiter> signals_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const Settings& settings,
                                                                    ServerProcessOptions options) {
  if (absl::Status status = CheckServerSettings(settings); !status.ok()) return status;
  auto process = std::make_unique<ServerProcessImpl>(std::move(options));
  if (absl::Status status = process->Start(settings); !status.ok()) return status;
  return process;
}

}  // namespace gitops
