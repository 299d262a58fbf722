#ifndef GITOPS_COMMON_CONFIG_FLEET_READER_H_
#define GITOPS_COMMON_CONFIG_FLEET_READER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "common/config/toml.h"

namespace gitops {

// The parts of ParseFleetConfig. Errors are reported to the tables.

// A file of a fleet config.
struct FleetSource {
  TomlTable root;
  std::string directory;  // absolute, of the file
};

// [global] of the first source, and [[services]].
void ReadServices(const std::vector<FleetSource>& sources, FleetConfig& config);
// [[hosts]], and [fleet] of the first source.
void ReadHosts(const std::vector<FleetSource>& sources, FleetConfig& config);
// [[checks]] and [[secrets]], for the hosts that were read.
void ReadSharedParts(const std::vector<FleetSource>& sources, FleetConfig& config);

// `http` and `cmd`; texts may contain ${machine}.
ChecksSpec ReadChecks(const TomlTable& table);
SecretSpec ReadSecret(const TomlTable& table, const std::string& directory);

// `machines` and `tagged`; null: the table has neither.
std::shared_ptr<const HostSelector> ReadSelector(const TomlTable& table);
std::vector<std::string> ReadTags(const TomlTable& table, absl::string_view key);

// `text`, the value of `key`, if present and valid by `check`.
template <typename Check>
std::optional<std::string> Checked(const TomlTable& table, absl::string_view key,
                                   std::optional<std::string> text, Check check) {
  if (!text.has_value()) return std::nullopt;
  const absl::Status status = check(*text);
  if (status.ok()) return text;
  table.Fault(key, status.message());
  return std::nullopt;
}

// The string `key`, if present, not empty and valid by `check`.
template <typename Check>
std::optional<std::string> CheckedText(const TomlTable& table, absl::string_view key, Check check) {
  return Checked(table, key, table.Text(key), check);
}

// Stores a value that was read; leaves `field` unchanged if there is none.
template <typename Value, typename Field>
void Store(const std::optional<Value>& value, Field& field) {
  if (value.has_value()) field = *value;
}

// The path `key`; a relative one is relative to `directory`.
std::optional<std::string> FilePath(const TomlTable& table, absl::string_view key,
                                    const std::string& directory);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_READER_H_
