#ifndef GITOPS_COMMON_SERVER_UPKEEP_H_
#define GITOPS_COMMON_SERVER_UPKEEP_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/config/config_follower.h"
#include "common/config/settings.h"
#include "common/schedule/scheduler.h"

namespace gitops {

// Returns unused memory to the system after the start, and every few minutes, since a burst of work
// may leave some.
std::unique_ptr<Scheduler::Job> ReturnMemoryRegularly(Clock* clock, Scheduler* scheduler);

// Logs which of these settings changed, and take effect at the next start.
void TellLateSettings(const Settings& former, const Settings& now,
                      const std::vector<std::string>& names);

// What a server does beside its work while it runs: follows the file of --config, and returns
// unused memory to the system after the start and every few minutes. Thread-safe.
class Upkeep {
 public:
  struct Options {
    Clock* clock = nullptr;  // not owned; nor is `scheduler`
    Scheduler* scheduler = nullptr;
    Settings settings;  // in use
    std::string text;   // of the file of --config, as it was read
    Followed followed = Followed::kFile;
    // Reads the file again, and applies what takes effect while the server runs. Returns the new
    // settings; an error: nothing was applied, since the file is invalid, or for another reason,
    // which may pass: then it is called again every two seconds (see ExitStatus). Called from the
    // scheduler, never concurrently.
    std::function<absl::StatusOr<Settings>()> reload;
  };

  explicit Upkeep(Options options);

  // Reads the config again at once (SIGHUP).
  void Reload();

 private:
  // Applies and logs a changed config, configures the log anew, and names the settings that take
  // effect at the next start. False: it is to be tried again.
  bool Apply();

  Options options_;
  std::string told_;  // the error that was logged last, if it may pass
  std::unique_ptr<ConfigFollower> follower_;
  std::unique_ptr<Scheduler::Job> memory_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_UPKEEP_H_
