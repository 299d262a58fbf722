#ifndef GITOPS_EXAMPLES_HOOKS_HOOK_H_
#define GITOPS_EXAMPLES_HOOKS_HOOK_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace gitops::examples {

// One host in a request and in an answer.
struct HostActions {
  std::string host;
  std::vector<std::string> actions;
};

// A request of the hook dispatcher: its payload and headers.
struct HookRequest {
  std::string point;       // X-Gitops-Point: "pre-deploy"…
  std::string deployment;  // X-Gitops-Deployment; empty for a plan or a test
  std::string result;      // X-Gitops-Result at post- points: "ok", "failed" or "skipped"
  std::vector<HostActions> hosts;
};

// A hook: returns the hosts, changed or not. An error stops the deployment; its code becomes an
// HTTP status (FAILED_PRECONDITION: 423, ABORTED: 409, UNAVAILABLE: 503, DEADLINE_EXCEEDED: 504,
// INVALID_ARGUMENT: 400, else 500), its message is the body. Called from several threads.
using Hook = std::function<absl::StatusOr<std::vector<HostActions>>(const HookRequest& request)>;

// Hooks by path: "/drain".
using Hooks = std::map<std::string, Hook>;

// OK if `name` may be part of a file name or a command: letters, digits, '.', '-', '_', and no
// leading dot. Otherwise INVALID_ARGUMENT.
absl::Status CheckHostName(const std::string& name);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_HOOK_H_
