#ifndef GITOPS_COMMON_CONFIG_SETTINGS_H_
#define GITOPS_COMMON_CONFIG_SETTINGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// One setting of a program: the flag `--name`, the variable GITOPS_NAME, and the key `name` in the
// table of the config file that bears the program's name. A flag beats the variable beats the file.
struct SettingDefinition {
  std::string name;     // as the flag, without dashes: "metrics-listen"
  std::string short_flag;  // "m" for -m; empty: none
  std::string help;     // one line
  std::string default_value;
  enum class Type { kString, kBool, kDuration, kInt, kList } type = Type::kString;
  bool in_file = true;  // false: flag and variable only (--config, --version)
};

// What a program was told. Values are checked against their type.
class Settings {
 public:
  const std::string& Get(absl::string_view name) const;  // dies on an undefined name: a bug
  bool GetBool(absl::string_view name) const;
  std::vector<std::string> GetList(absl::string_view name) const;  // comma-separated
  bool IsSet(absl::string_view name) const;  // by flag, variable or file, not by default
  // Where the value came from, for messages: "--listen", "GITOPS_LISTEN", "config.toml:3", "default".
  const std::string& Origin(absl::string_view name) const;

  struct Value {
    std::string value;
    std::string origin;
    bool set = false;
  };
  std::map<std::string, Value, std::less<>> values;
};

// A duration as "90s", "1m30s", "200ms", "2h", or a plain number of seconds ("1.5").
// INVALID_ARGUMENT with what was read.
absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text);
// The shortest text that ParseDurationText reads back.
std::string FormatDurationText(absl::Duration duration);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_SETTINGS_H_
