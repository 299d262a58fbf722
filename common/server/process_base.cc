#include "common/server/process_base.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/server/stop_within.h"

namespace gitops {
namespace {

constexpr absl::Duration kAfterCancel = absl::Seconds(5);
// A thread that takes nothing up for so long hangs, however busy the machine is.
constexpr absl::Duration kMostBusy = absl::Seconds(20);

}  // namespace

absl::Status ForSetting(const absl::Status& status, const Settings& settings,
                        absl::string_view name) {
  std::string message = absl::StrCat("--", name, ": ", status.message());
  if (status.code() == absl::StatusCode::kUnavailable) {
    absl::StrAppend(&message, ". Stop the program there, or use another address with --", name,
                    " (set by ", settings.Origin(name), "; port 0 picks a free one)");
  }
  return absl::Status(status.code(), message);
}

void ServerProcessBase::SetReady(absl::Status status) {
  MutexLock lock(mutex_);
  // A late "ready" of a part that is still starting must not attract clients again.
  if (stopping_) return;
  ready_ = std::move(status);
  SetServing(ready_.ok());
  if (manager_ != nullptr) {
    manager_->Say(ready_.ok() ? "ready" : absl::StrCat("not ready: ", ready_.message()));
  }
}

int ServerProcessBase::Run() {
  {
    MutexLock lock(mutex_);
    while (!stopping_) changed_.Wait(mutex_);
    ready_ = absl::UnavailableError("stopping");
    SetServing(false);
  }
  manager_->Stopping();
  EndWatch();
  LogInfo("stopping",
          {{"program", options_.program}, {"drain", absl::FormatDuration(options_.drain)}});
  if (options_.on_drain) options_.on_drain();
  StopWithin(options_.drain + kAfterCancel, options_.program,
             "calls did not end although they were cancelled; exiting without them",
             [this] { Shutdown(options_.drain); });
  pages_.reset();
  LogInfo("stopped", {{"program", options_.program}});
  return 0;
}

absl::Status ServerProcessBase::Responds(HttpServer& answering) const {
  if (options_.healthy) {
    if (absl::Status healthy = options_.healthy(); !healthy.ok()) return healthy;
  }
  options_.metrics->Text();  // asks every part, so it hangs with any of them
  if (answering.Responds(kMostBusy)) return absl::OkStatus();
  return absl::DeadlineExceededError("the HTTP server does not take up requests");
}

void ServerProcessBase::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

StatusPages ServerProcessBase::Pages() {
  StatusPages pages;
  pages.metrics_text = [metrics = options_.metrics] { return metrics->Text(); };
  pages.healthy = options_.healthy;
  pages.ready = [this] {
    MutexLock lock(mutex_);
    return ready_;
  };
  return pages;
}

absl::StatusOr<std::string> ServerProcessBase::StartPages(const Settings& settings) {
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Start(StatusServerOptions(settings.Get("metrics-listen"), Pages()));
  if (!server.ok()) return ForSetting(server.status(), settings, "metrics-listen");
  pages_ = *std::move(server);
  return pages_->addresses()[0];
}

absl::Status ServerProcessBase::Announce(const Settings& settings, ServedAddresses addresses,
                                         HttpServer& answering) {
  addresses_ = std::move(addresses);
  addresses_.join = options_.join_address;
  absl::StatusOr<std::unique_ptr<SignalWaiter>> signals =
      SignalWaiter::Start({.on_terminate = [this] { Stop(); }, .on_reload = options_.on_reload});
  if (!signals.ok()) return signals.status();
  signals_ = *std::move(signals);
  const std::string& file = settings.Get("address-file");
  if (!file.empty()) {
    if (absl::Status status = WriteAddressFile(file, addresses_); !status.ok()) {
      return ForSetting(status, settings, "address-file");
    }
  }
  {
    MutexLock lock(mutex_);
    manager_ = std::make_unique<ServiceManager>([this, &answering] { return Responds(answering); });
    manager_->Started();
  }
  LogInfo("serving",
          {{"program", options_.program}, {"grpc", addresses_.grpc}, {"http", addresses_.http}});
  return absl::OkStatus();
}

}  // namespace gitops
