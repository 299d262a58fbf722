#ifndef GITOPS_CTL_COMMANDS_FOLLOW_H_
#define GITOPS_CTL_COMMANDS_FOLLOW_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/client/planner_client.h"
#include "ctl/commands/fleet_commands.h"

namespace gitops::ctl {

struct FollowOptions {
  // Whether to wait for a planner that does not answer at first, as for one that is lost later.
  bool patient_at_first = true;
  // Called for each update; returns false to end the watch.
  std::function<bool(const v1::WatchDeploymentResponse&)> seen;
  // Called with messages for the user.
  std::function<void(const std::string&)> note;
};

// Watches a deployment until it has ended, and returns it completely, with its hosts; nothing if
// `seen` ended the watch. If the planner stops meanwhile, waits for it with back-off: the
// deployment survives that. If the deployment is too large for one answer, returns the content of
// the watch, without steps. Fails like the watch if a retry does not help; DEADLINE_EXCEEDED when
// the client's timeout is over.
absl::StatusOr<std::optional<v1::Deployment>> FollowDeployment(PlannerClient& planner,
                                                               const std::string& id,
                                                               const FollowOptions& options);

// Follows a deployment and shows it in the output form: on standard error, or, if `on_out` is set,
// on standard output; then prints its end. Returns kFailed unless it succeeded.
absl::StatusOr<ExitCode> ShowToItsEnd(FleetContext& context, const std::string& id, bool on_out);

// With --detach prints its current state, otherwise follows it on standard error.
absl::StatusOr<ExitCode> ShowUnlessDetached(FleetContext& context,
                                            const v1::Deployment& deployment);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_FOLLOW_H_
