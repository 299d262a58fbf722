#include "common/sync/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sync/start_thread.h"

namespace gitops {

void SideBySide(int count, int most, const std::function<void(int)>& run) {
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int i = next++; i < count; i = next++) run(i);
  };
  std::vector<std::thread> threads;
  const int others = std::min(count, most) - 1;
  while (static_cast<int>(threads.size()) < others) {
    absl::StatusOr<std::thread> thread = StartThread("work side by side", work);
    if (!thread.ok()) break;
    threads.push_back(*std::move(thread));
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace gitops
