#ifndef GITOPS_CTL_FAILURE_H_
#define GITOPS_CTL_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ctl/exit_code.h"

namespace gitops::ctl {

// The message and exit status of a failed command.

// The exit status of a failed command. Never kDone.
ExitCode ExitCodeOf(const absl::Status& failure);

// "gitopsctl: rollback nginx on web1:8004: no revision begins with abcd (NOT_FOUND:
// REVISION_UNKNOWN); <hint>", without a newline and with control characters escaped. `doing` may be
// empty, and must be escaped.
std::string FailureText(absl::string_view doing, const absl::Status& failure);

// Attaches what the user can do: "gitopsctl get service nginx @web1:8004 lists those on disk".
absl::Status WithHint(absl::Status failure, absl::string_view hint);
// The failure of a command that changes hosts: after a timeout, it says that the change continues.
absl::Status FailedMove(absl::Status failure);
// The result of a watch: kDone if the reader closed the output. `printed` is the error of printing
// it.
absl::StatusOr<ExitCode> EndOfWatch(const absl::Status& printed, const absl::Status& watched);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_FAILURE_H_
