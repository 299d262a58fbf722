#ifndef GITOPS_EXAMPLES_HOOKS_HAPROXY_H_
#define GITOPS_EXAMPLES_HOOKS_HAPROXY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "examples/hooks/hook.h"

namespace gitops::examples {

struct HaproxyOptions {
  std::string socket;   // of its runtime API ("stats socket … level admin")
  std::string backend;  // whose servers are named as the hosts
  // How long open sessions may take to end.
  absl::Duration drain_timeout = absl::Seconds(30);
};

// Drains a host at pre- points: HAProxy sends it nothing new, and the hook answers when its open
// sessions have ended. At post-healthchecks, when all is well, and where a step was skipped, the
// host gets traffic again. One that failed stays drained: it is not to be trusted.
Hook DrainHook(HaproxyOptions options);

}  // namespace gitops::examples

#endif  // GITOPS_EXAMPLES_HOOKS_HAPROXY_H_
