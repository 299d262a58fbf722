#ifndef GITOPS_CTL_COMMANDS_PATIENCE_H_
#define GITOPS_CTL_COMMANDS_PATIENCE_H_

#include <functional>
#include <ostream>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops::ctl {

// Whether the same call may succeed later: its server stops, starts, is busy or cannot be reached.
bool MayHelpToRetry(const absl::Status& status);

struct PatientWatch {
  // What is watched: "planner".
  absl::string_view server;
  // Messages for people.
  std::ostream& err;
  // Watches once, and sets `answered` when the server has answered.
  std::function<absl::Status(bool& answered)> watch;
  // Called before it watches again: the answers begin anew.
  std::function<void()> restart = [] {};
  // Whether the server has answered before.
  bool ever_answered = false;
  // How long to go on.
  std::function<absl::Duration()> remaining = absl::InfiniteDuration;
};

// Watches until the watch ends with OK or an error that a retry does not help, or no time is left.
// Once the server has answered, it is waited for with back-off when it goes away, and `err` says
// so. After an answer, the back-off begins anew.
absl::Status WatchPatiently(const PatientWatch& options);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_PATIENCE_H_
