#ifndef GITOPS_AGENT_PUBLISH_CARRY_LIMITS_H_
#define GITOPS_AGENT_PUBLISH_CARRY_LIMITS_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace gitops {

// What may be carried over, and how much of it was used. Shared by the places of one publication.
struct CarryBudget {
  int64_t max_files = 100'000;           // entries that are not tracked
  int64_t max_bytes = int64_t{1} << 30;  // of content that must be copied
  int64_t files = 0, bytes = 0;
  // The directory of the host with the most entries that are not tracked, as far as was counted.
  std::string fullest = {};
  int64_t most = 0;
};

// A path from outside as a message shows it, cut off if it is long.
std::string ShownPath(const std::string& path);

// Counts what a walk visits. Every error is a reason to end it.
class CarryLimits {
 public:
  // `local`: where what is walked is shown on the host.
  CarryLimits(std::shared_ptr<CarryBudget> budget, std::string local, std::stop_token stop);

  // What asks to stop from now on.
  void StopBy(std::stop_token stop) { stop_ = std::move(stop); }
  // For each entry of any directory. CANCELLED: asked to stop, which is looked at every 256 calls.
  absl::Status Look();
  // The entries that are counted next are those of another directory.
  void BeginDirectory() {
    here_ = 0;
    named_ = false;
  }
  // For each untracked entry of `directory`. RESOURCE_EXHAUSTED: more than the budget has.
  absl::Status Count(const std::string& directory);
  // Only looks for the fullest one.
  void Note(const std::string& directory);
  // RESOURCE_EXHAUSTED: more than 4,095 bytes or 128 levels.
  static absl::Status CheckPath(const std::string& path, int level);
  // What a message about a limit says about where it was reached.
  std::string Fullest() const;

 private:
  const std::shared_ptr<CarryBudget> budget_;
  const std::string local_;
  std::stop_token stop_;
  int64_t looks_ = 0, here_ = 0;
  bool named_ = false;  // as the fullest directory
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_CARRY_LIMITS_H_
