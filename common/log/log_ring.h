#ifndef GITOPS_COMMON_LOG_LOG_RING_H_
#define GITOPS_COMMON_LOG_LOG_RING_H_

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {

// The newest lines of a log, for a report of a fault. Thread-safe.
class LogRing {
 public:
  // Keeps at most `max_lines` lines, and `max_bytes` bytes together. A line that is longer than a
  // hundredth of that is cut.
  LogRing(size_t max_lines, size_t max_bytes) : max_lines_(max_lines), max_bytes_(max_bytes) {}

  void Add(std::string line);
  // Oldest first.
  std::vector<std::string> Lines() const;

 private:
  const size_t max_lines_, max_bytes_;
  mutable Mutex mutex_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_LOG_LOG_RING_H_
