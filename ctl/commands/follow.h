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
  // Whether a planner that does not answer at first is waited for, as one that goes away later is.
  bool patient_at_first = true;
  // Each answer; false: nobody wants to know any more.
  std::function<bool(const v1::WatchDeploymentResponse&)> seen;
  // What there is to say besides.
  std::function<void(const std::string&)> note;
};

// Watches a deployment until it has ended, and answers it whole, with its hosts; nothing if `seen`
// did not want more. A planner that stops meanwhile is waited for, with back-off: the deployment
// survives that. Where the whole is too large for one answer: what the watch told, without steps.
// Fails as the watch where trying again does not help; DEADLINE_EXCEEDED when the client's timeout
// is over.
absl::StatusOr<std::optional<v1::Deployment>> FollowDeployment(PlannerClient& planner,
                                                               const std::string& id,
                                                               const FollowOptions& options);

// Follows it and shows it, in the form that is asked for: on standard error, or where `on_out` is
// set on standard output; then prints how it ended. Answers kFailed unless it succeeded.
absl::StatusOr<ExitCode> ShowToItsEnd(FleetContext& context, const std::string& id, bool on_out);

// With --detach prints it as it is, else follows it on standard error.
absl::StatusOr<ExitCode> ShowUnlessDetached(FleetContext& context,
                                            const v1::Deployment& deployment);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_FOLLOW_H_
