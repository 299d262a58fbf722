#ifndef GITOPS_COMMON_SERVER_SERVICE_MANAGER_H_
#define GITOPS_COMMON_SERVER_SERVICE_MANAGER_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace gitops {

// Tells systemd how this process is, as units with Type=notify and WatchdogSec= expect
// (sd_notify(3)). Without systemd all of it has no effect. Thread-safe.
class ServiceManager {
 public:
  // `responds` is called on a thread of its own, twice in each WatchdogSec=; each time it returns
  // OK, systemd is told. If it fails or hangs for that long, systemd kills the process, and
  // Restart= begins it again. It may be called until the destructor returns.
  explicit ServiceManager(std::function<absl::Status()> responds);
  // Waits for `responds` to return.
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // The start is complete: the program serves.
  void Started();
  // One line for `systemctl status`.
  void Say(const std::string& status);
  void Stopping();

 private:
  void Watch(absl::Duration interval);
  bool EndsWithin(absl::Duration interval);

  const std::function<absl::Status()> responds_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread watchdog_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_SERVICE_MANAGER_H_
