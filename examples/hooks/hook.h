#ifndef GITOPS_EXAMPLES_HOOKS_HOOK_H_
#define GITOPS_EXAMPLES_HOOKS_HOOK_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace gitops::examples {

// One host as a hook sees it, and as it answers.
struct HostActions {
  std::string host;
  std::vector<std::string> actions;
};

// A request of the hook dispatcher: its payload and what its headers tell.
struct HookRequest {
  std::string point;       // X-Gitops-Point: "pre-deploy"…
  std::string deployment;  // X-Gitops-Deployment; empty for a plan or a test
  std::string result;      // X-Gitops-Result at post- points: "ok", "failed" or "skipped"
  std::vector<HostActions> hosts;
};

// What it answers with: the hosts, changed or not. An error stops the deployment; its code becomes
// an HTTP status (FAILED_PRECONDITION: 423, ABORTED: 409, UNAVAILABLE: 503, DEADLINE_EXCEEDED: 504,
// INVALID_ARGUMENT: 400, else 500), its message the body. Called from several threads.
using Hook = std::function<absl::StatusOr<std::vector<HostActions>>(const HookRequest& request)>;

// By path: "/drain".
using Hooks = std::map<std::string, Hook>;

// Whether `name` may become part of a file name or of a command: letters, digits, '.', '-', '_',
// and no leading dot. INVALID_ARGUMENT.
absl::Status CheckHostName(const std::string& name);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_HOOK_H_
