#include "common/server/stop_within.h"

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/log/log.h"
#include "common/sync/mutex.h"
#include "common/sync/start_thread.h"

namespace gitops {

void StopWithin(absl::Duration bound, absl::string_view program, absl::string_view late,
                const std::function<void()>& stop) {
  Mutex mutex;
  CondVar ended;
  bool done = false;
  absl::StatusOr<std::thread> stopping = StartThread("stop within a time", [&] {
    stop();
    MutexLock lock(mutex);
    done = true;
    ended.NotifyAll();
  });
  if (!stopping.ok()) {  // without the bound: that of the service manager remains
    LogWarning(std::string(stopping.status().message()), {{"program", std::string(program)}});
    return stop();
  }
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(bound);
  {
    MutexLock lock(mutex);
    while (!done && ended.WaitUntil(mutex, deadline)) {
    }
    if (!done) {
      LogError(late, {{"program", std::string(program)}});
      _exit(1);
    }
  }
  stopping->join();
}

}  // namespace gitops
