#ifndef GITOPS_COMMON_CONFIG_FLEET_READER_H_
#define GITOPS_COMMON_CONFIG_FLEET_READER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "common/config/toml.h"

namespace gitops {

// The parts of ParseFleetConfig. `directory` is the absolute directory of the config file. Errors
// are reported to the tables.

// [global] and [[services]].
void ReadServices(const TomlTable& root, const std::string& directory, FleetConfig& config);
// [[hosts]].
void ReadHosts(const TomlTable& root, const std::string& directory, FleetConfig& config);

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
