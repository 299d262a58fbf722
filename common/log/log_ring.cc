#include "common/log/log_ring.h"

#include <utility>

#include "common/text/utf8.h"

namespace gitops {

void LogRing::Add(std::string line) {
  if (line.size() > max_bytes_ / 100) line = ValidUtf8(line, max_bytes_ / 100);
  MutexLock lock(mutex_);
  bytes_ += line.size();
  lines_.push_back(std::move(line));
  while (lines_.size() > max_lines_ || bytes_ > max_bytes_) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
}

std::vector<std::string> LogRing::Lines() const {
  MutexLock lock(mutex_);
  return {lines_.begin(), lines_.end()};
}

}  // namespace gitops
