#ifndef GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_
#define GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_

#include <functional>
#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"

namespace gitops {

// Calls back when the content of a file has changed: written in place, replaced, or a symlink or a
// mount of it exchanged. Looks at it every two seconds, which is one stat(2); reads it only when
// that differs. A file that is missing for a while, or no plain file, is no change. Any thread.
class ConfigFollower {
 public:
  virtual ~ConfigFollower() = default;
  // Calls back at once, changed or not (SIGHUP).
  virtual void Reload() = 0;
};

// `on_change` is called from the scheduler, never twice at a time, first when the content is
// another than `known`. Where it returns false, the change could not be taken up now, and it is
// called again at the next look.
std::unique_ptr<ConfigFollower> FollowConfig(std::string path, std::string known, Clock* clock,
                                             Scheduler* scheduler, std::function<bool()> on_change);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_
