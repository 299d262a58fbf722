#ifndef GITOPS_CTL_AGENT_ADDRESS_H_
#define GITOPS_CTL_AGENT_ADDRESS_H_

#include <string>

#include "ctl/cli/invocation.h"
#include "ctl/console.h"

namespace gitops::ctl {

// The address of the agent of @HOST, which is a name without a port: the planner's, if it answers
// within half a second, or within --timeout if that is shorter, and knows the host, else that of
// the fleet config of this machine, else the name itself with the default port. Never fails: the
// brake works without a planner.
std::string AddressOfHost(const Invocation& invocation, const Console& console);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_AGENT_ADDRESS_H_
