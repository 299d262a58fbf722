#ifndef GITOPS_CTL_COMMANDS_WHOLE_SERVICES_H_
#define GITOPS_CTL_COMMANDS_WHOLE_SERVICES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ctl/commands/fleet_commands.h"

namespace gitops::ctl {

// One service on the selected hosts, as their agents have it: with revisions and changes.
struct WholeServices {
  std::vector<v1::Service> services;
  // kDone; kFailed or kUnreachable if a host did not answer, which is told on standard error.
  ExitCode exit_code = kDone;
};

// Fails if nothing is selected, as ExplainNothing().
absl::StatusOr<WholeServices> AskWholeServices(FleetContext& context, const std::string& service);

// The hash that was published before the one that is published. NOT_FOUND: there is none.
absl::StatusOr<std::string> PreviousRevision(const v1::Service& service);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_WHOLE_SERVICES_H_
