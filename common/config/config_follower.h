#ifndef GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_
#define GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_

#include <functional>
#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"

namespace gitops {

// Calls back when the content of a config file has changed: written in place, replaced, or behind
// an exchanged symlink or mount. Checks every two seconds with one stat(2) a file, and reads only
// if one differs. A file that is temporarily missing, or not a regular file, does not count as a
// change. Thread-safe.
class ConfigFollower {
 public:
  virtual ~ConfigFollower() = default;
  // Calls back at once, even without a change (SIGHUP).
  virtual void Reload() = 0;
};

// What is followed.
enum class Followed {
  kFile,
  // Also the files that it includes (ReadConfigFiles), and new matches of its patterns. `known` is
  // ConfigFiles::Packed(). What breaks a rule of `include` counts as a change, once.
  kFileAndIncludes,
};

// `on_change` is called from the scheduler, never concurrently, first when the content differs from
// `known`. If it returns false, the change could not be applied now, and it is called again at the
// next check.
std::unique_ptr<ConfigFollower> FollowConfig(std::string path, std::string known, Clock* clock,
                                             Scheduler* scheduler, std::function<bool()> on_change,
                                             Followed followed = Followed::kFile);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_
