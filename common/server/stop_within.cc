#include "common/server/stop_within.h"

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "common/log/log.h"
#include "common/sync/mutex.h"

namespace gitops {

void StopWithin(absl::Duration bound, absl::string_view program, absl::string_view late,
                const std::function<void()>& stop) {
  Mutex mutex;
  CondVar ended;
  bool done = false;
  std::thread stopping([&] {
    stop();
    MutexLock lock(mutex);
    done = true;
    ended.NotifyAll();
  });
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
  stopping.join();
}

}  // namespace gitops
