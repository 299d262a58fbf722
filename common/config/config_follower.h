#ifndef GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_
#define GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_

#include <sys/types.h>

#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"

namespace gitops {

// What is followed.
enum class Followed {
  kFile,
  // Also the files that it includes (ReadConfigFiles), and new matches of its patterns. `known` is
  // ConfigFiles::Packed(). What breaks a rule of `include` counts as a change, once.
  kFileAndIncludes,
};

// Calls back when the content of a config file has changed: written in place, replaced, or behind
// an exchanged symlink or mount. Checks every two seconds with one stat(2) a file, and reads only
// if one differs. A file that is temporarily missing, or not a regular file, does not count as a
// change. Thread-safe.
class ConfigFollower {
 public:
  // `on_change` is called from the scheduler, never concurrently, first when the content differs
  // from `known`. If it returns false, the change could not be applied now, and it is called again
  // at the next check.
  ConfigFollower(std::string path, std::string known, Clock* clock, Scheduler* scheduler,
                 std::function<bool()> on_change, Followed followed = Followed::kFile);

  // Calls back at once, even without a change (SIGHUP).
  void Reload();

 private:
  // Changes whenever the file may have new content.
  using Stamp = std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long>;

  // None: there is no such file, or it is neither a regular file nor a directory.
  static std::optional<Stamp> StampOf(const std::string& path);
  // The stamp of the main file, then those of the others.
  std::vector<std::optional<Stamp>> Look() const;
  // The content, as it is compared. None: the main file cannot be read.
  std::optional<std::string> Read();
  absl::Time Run();

  const std::string path_;
  const Followed followed_;
  Clock* const clock_;
  const std::function<bool()> on_change_;
  std::atomic<bool> asked_ = false;
  std::vector<std::string> watched_;          // besides the file itself
  std::vector<std::optional<Stamp>> stamps_;  // of the last reading; empty: read it again
  std::string content_;
  // Declared last, so that it ends before the other members are destroyed.
  std::unique_ptr<Scheduler::Job> job_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_CONFIG_FOLLOWER_H_
