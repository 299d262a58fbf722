#include "common/sync/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace gitops {

void SideBySide(int count, int most, const std::function<void(int)>& run) {
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int i = next++; i < count; i = next++) run(i);
  };
  std::vector<std::thread> threads;
  const int others = std::min(count, most) - 1;
  while (static_cast<int>(threads.size()) < others) {
    try {
      threads.emplace_back(work);
    } catch (const std::system_error&) {
      break;
    }
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace gitops
