#ifndef GITOPS_COMMON_SERVER_PROCESS_BASE_H_
#define GITOPS_COMMON_SERVER_PROCESS_BASE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/http/server.h"
#include "common/http/status_routes.h"
#include "common/server/lifecycle.h"
#include "common/server/service_manager.h"
#include "common/server/signals.h"
#include "common/sync/mutex.h"

namespace gitops {

// Adds the setting, and advice, to the error of an address that could not be bound.
absl::Status ForSetting(const absl::Status& status, const Settings& settings,
                        absl::string_view name);

// The parts of a server process that do not depend on what it serves. A subclass owns the server.
class ServerProcessBase : public ServerProcess {
 public:
  const ServedAddresses& addresses() const override { return addresses_; }
  void SetReady(absl::Status status) override;
  int Run() override;
  void Stop() final;

 protected:
  explicit ServerProcessBase(ServerProcessOptions options) : options_(std::move(options)) {}

  // Tells clients whether the server is ready. Must be quick.
  virtual void SetServing(bool serving) = 0;
  // Ends the server: refuses new calls, and cancels the others after `drain`.
  virtual void Shutdown(absl::Duration drain) = 0;

  // The status pages of this process, which must not outlive it.
  StatusPages Pages();
  // Serves them at --metrics-listen; returns the address.
  absl::StatusOr<std::string> StartPages(const Settings& settings);
  // The last step of a start: waits for signals, writes the address file, and tells systemd, whose
  // watchdog asks `answering` from now on.
  absl::Status Announce(const Settings& settings, ServedAddresses addresses, HttpServer& answering);
  // From now on `answering` is not asked. For the destructor of its owner.
  void EndWatch() { manager_.reset(); }

  // The server of the status pages, once they are served.
  HttpServer& pages() { return *pages_; }

  const ServerProcessOptions options_;

 private:
  // Whether the program still does its work: no lock of its parts is held for good, and its HTTP
  // threads take something up soon.
  absl::Status Responds(HttpServer& answering) const;

  ServedAddresses addresses_;
  Mutex mutex_;
  CondVar changed_;
  absl::Status ready_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("starting");
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<HttpServer> pages_;
  std::unique_ptr<SignalWaiter> signals_;
  std::unique_ptr<ServiceManager> manager_;  // asks what is above
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_PROCESS_BASE_H_
