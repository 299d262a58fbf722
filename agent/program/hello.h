#ifndef GITOPS_AGENT_PROGRAM_HELLO_H_
#define GITOPS_AGENT_PROGRAM_HELLO_H_

#include <string>

#include "absl/time/time.h"
#include "agent/controller/host_agent.h"
#include "agent/program/config_in_force.h"
#include "gitops/v1/report.pb.h"

namespace gitops {

// What the agent tells the planner first. `advertised`: the address at which it
// serves.
v1::Hello MakeHello(const ConfigInForce &config, const HostAgent &host,
                    const std::string &advertised, absl::Time start_time);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_HELLO_H_
