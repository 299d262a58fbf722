#ifndef GITOPS_AGENT_PROGRAM_SETTINGS_H_
#define GITOPS_AGENT_PROGRAM_SETTINGS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/program/host_names.h"
#include "common/config/fleet.h"
#include "common/config/host_digests.h"
#include "common/config/settings.h"
#include "common/program_config/program_settings.h"

namespace gitops {

// The agent's parsed flags and config file.
struct AgentConfig {
  Settings settings;
  std::string config_file;
  std::string text;  // ConfigFiles::Packed()
  HostNames host;
  std::vector<std::string> machines;  // all names of `host`, ordered, each once
  HostDigest digest;                  // empty unless the host's name is certain
  std::vector<ServiceSpec> services;  // of this host
  std::vector<HostSpec> hosts;        // its [[hosts]]: what deployments may check and write here
  std::vector<std::string> warnings;
};

// Adds the config `text`, ConfigFiles::Packed() of the file `config_file`, to the result of
// ReadFlags. `host_name` is this machine's name. INVALID_ARGUMENT: all errors, with file and line;
// UNIMPLEMENTED: a kind of service that this version does not support.
absl::StatusOr<AgentConfig> ParseAgentConfig(Settings flags, const std::string& text,
                                             const std::string& config_file,
                                             const std::string& host_name);

// Where deployments may write secrets on this host; escaped.
std::set<std::string> SecretFilesOf(const AgentConfig& config);

// This machine's host name; "localhost" if it has none.
std::string HostName();

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_SETTINGS_H_
