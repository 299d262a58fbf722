#include "common/server/service_manager.h"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/sync/start_thread.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

// A message that is lost costs a status line, or one of the two pings of an interval.
void Tell(const std::string& message) { sd_notify(/*unset_environment=*/0, message.c_str()); }

}  // namespace

ServiceManager::ServiceManager(std::function<absl::Status()> responds)
    : responds_(std::move(responds)) {
  uint64_t microseconds = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &microseconds) <= 0) return;
  const absl::Duration interval = absl::Microseconds(static_cast<int64_t>(microseconds)) / 2;
  absl::StatusOr<std::thread> watchdog =
      StartThread("ping systemd's watchdog", [this, interval] { Watch(interval); });
  // systemd ends a process that does not ping: it is started again, perhaps with threads to spare.
  if (!watchdog.ok()) {
    LogError(std::string(watchdog.status().message()));
    return;
  }
  watchdog_ = *std::move(watchdog);
}

ServiceManager::~ServiceManager() {
  {
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  if (watchdog_.joinable()) watchdog_.join();
}

void ServiceManager::Started() { Tell("READY=1"); }
void ServiceManager::Say(const std::string& status) {
  Tell(absl::StrCat("STATUS=", EscapeText(status)));
}
void ServiceManager::Stopping() { Tell("STOPPING=1"); }

void ServiceManager::Watch(absl::Duration interval) {
  do {
    if (const absl::Status responds = responds_(); responds.ok()) {
      Tell("WATCHDOG=1");
    } else {
      LogError("systemd's watchdog is not pinged", {{"error", std::string(responds.message())}});
    }
  } while (!EndsWithin(interval));
}

bool ServiceManager::EndsWithin(absl::Duration interval) {
  const auto next = std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(interval);
  MutexLock lock(mutex_);
  while (!ended_ && changed_.WaitUntil(mutex_, next)) {
  }
  return ended_;
}

}  // namespace gitops
