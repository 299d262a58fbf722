#ifndef GITOPS_AGENT_PROGRAM_DEBUG_CONFIG_H_
#define GITOPS_AGENT_PROGRAM_DEBUG_CONFIG_H_

#include <string>

#include "agent/program/settings.h"

namespace gitops {

// The configuration in force, of the agent and for this host, as TOML without secrets.
std::string RenderForDebug(const AgentConfig& config);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_DEBUG_CONFIG_H_
