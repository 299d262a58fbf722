#ifndef GITOPS_CTL_CLIENT_OPTIONS_H_
#define GITOPS_CTL_CLIENT_OPTIONS_H_

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/client/client.h"
#include "ctl/cli/invocation.h"
#include "ctl/console.h"

namespace gitops::ctl {

// The options with which a command that starts now calls the server at `address`. --timeout is for
// all of its calls.
inline ClientOptions ClientOptionsFor(const std::string& address, const Flags& flags,
                                      const Console& console) {
  ClientOptions options;
  options.address = address;
  options.insecure = flags.insecure;
  options.tls_dir = flags.tls_dir;
  options.caller.user = console.user;
  options.caller.deadline = absl::Now() + flags.timeout.value_or(absl::InfiniteDuration());
  return options;
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_OPTIONS_H_
