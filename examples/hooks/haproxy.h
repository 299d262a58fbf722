#ifndef GITOPS_EXAMPLES_HOOKS_HAPROXY_H_
#define GITOPS_EXAMPLES_HOOKS_HAPROXY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "examples/hooks/hook.h"

namespace gitops::examples {

struct HaproxyOptions {
  std::string socket;   // of its runtime API ("stats socket … level admin")
  std::string backend;  // its servers have the names of the hosts
  // Time limit for open sessions to end.
  absl::Duration drain_timeout = absl::Seconds(30);
};

// Drains a host at pre- points: HAProxy sends it no new sessions, and the hook answers when the
// open ones have ended. The host gets traffic again at post-healthchecks if the result is ok, and
// after a step that was skipped. A host that failed stays drained.
Hook DrainHook(HaproxyOptions options);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_HAPROXY_H_
