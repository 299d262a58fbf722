#ifndef GITOPS_CTL_CLIENT_FAILURE_H_
#define GITOPS_CTL_CLIENT_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ctl/exit_code.h"

namespace gitops::ctl {

// What a failed command says and answers. An exit code or a hint that the code alone does not tell
// is attached to the status where it is known.

absl::Status WithExitCode(absl::Status status, ExitCode code);
// What the user can do about it: "gitopsctl get service nginx @web1:8004 lists those on disk".
absl::Status WithHint(absl::Status status, absl::string_view hint);
// How a watch ends that was told how long to last.
absl::Status WatchIsOver();

// Never kDone.
ExitCode ExitCodeOf(const absl::Status& failure);

// "gitopsctl: rollback nginx on web1:8004: no revision begins with abcd (NOT_FOUND:
// REVISION_UNKNOWN); <hint>", without a newline and with control characters escaped. `doing` may be
// empty, and is escaped already.
std::string FailureText(absl::string_view doing, const absl::Status& failure);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_FAILURE_H_
