#ifndef GITOPS_AGENT_PROGRAM_SETTINGS_H_
#define GITOPS_AGENT_PROGRAM_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"

namespace gitops {

// What gitops-agent can be told; docs/reference/settings.md lists it.
std::vector<SettingDefinition> AgentSettings();

// The agent's flags and config file, read and checked.
struct AgentConfig {
  Settings settings;
  std::string config_file;
  std::string text;                   // of the config file, as it was read
  std::vector<std::string> machines;  // this host's name and its aliases, ordered, each once
  std::vector<std::string> names;     // the same, as the planner is told: aliases first
  std::vector<ServiceSpec> services;  // of this host
  std::vector<HostSpec> hosts;        // its [[hosts]]: what deployments may check and write here
  std::vector<std::string> warnings;
};

// Adds `config_file` to what ReadFlags read. `host_name` is this machine's own. INVALID_ARGUMENT,
// NOT_FOUND: every fault with file and line; UNIMPLEMENTED: a kind of service that this version
// does not carry out.
absl::StatusOr<AgentConfig> LoadAgentConfig(Settings flags, const std::string& config_file,
                                            const std::string& host_name);

// git runs elsewhere, so the state directory is named from the root.
void MakeStateDirAbsolute(Settings& settings);

// This machine's host name; "localhost" if it has none.
std::string HostName();

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_SETTINGS_H_
