#ifndef GITOPS_COMMON_CONFIG_NAMED_FILE_H_
#define GITOPS_COMMON_CONFIG_NAMED_FILE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/config/toml.h"

namespace gitops {

// The content of the file that a key of a config names; `path` becomes its path, relative to
// `directory` in the config. None: the key is absent, or the file cannot be read, which is then a
// fault of the table.
std::optional<std::string> ReadNamedFile(const TomlTable& table, absl::string_view key,
                                         const std::string& directory, std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_NAMED_FILE_H_
