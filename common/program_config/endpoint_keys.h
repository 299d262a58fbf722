#ifndef GITOPS_COMMON_PROGRAM_CONFIG_ENDPOINT_KEYS_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_ENDPOINT_KEYS_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "common/config/toml.h"
#include "common/log/secret.h"

namespace gitops {

// Keys of tables that name an endpoint to call: [[hooks]], [[sinks]]. Each returns what the table
// says, empty if there is nothing usable, and tells faults to the table.

// `name`, which is required, and used once among the `lines` of the tables so far. `kind`: "hook".
std::string ReadEndpointName(const TomlTable& table, absl::string_view kind,
                             std::map<std::string, int>& lines);
// `url`, which is required.
std::string ReadEndpointUrl(const TomlTable& table);
// The content of the file that `key` names, with which requests are signed.
Secret ReadSigningKey(const TomlTable& table, absl::string_view key, const std::string& directory);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_ENDPOINT_KEYS_H_
