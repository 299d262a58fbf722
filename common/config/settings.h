#ifndef GITOPS_COMMON_CONFIG_SETTINGS_H_
#define GITOPS_COMMON_CONFIG_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/duration.h"

namespace gitops {

// One setting of a program: the flag `--name`, the variable GITOPS_NAME, and the key `name` in the
// table of the config file that bears the program's name. A flag beats the variable beats the file.
struct SettingDefinition {
  std::string name;        // as the flag, without dashes: "metrics-listen"
  std::string short_flag;  // "m" for -m; empty: none
  std::string help;        // one line
  std::string default_value;
  enum class Type { kString, kBool, kDuration, kInt, kList } type = Type::kString;
  bool in_file = true;                    // false: flag and variable only (--config, --version)
  std::vector<std::string> choices = {};  // what a string may be; empty: anything
  absl::Duration least = absl::ZeroDuration();  // what a duration may be at least
};

// What a program was told. Values are checked against their type.
class Settings {
 public:
  const std::string& Get(absl::string_view name) const;  // dies on an undefined name: a bug
  bool GetBool(absl::string_view name) const;
  absl::Duration GetDuration(absl::string_view name) const;        // zero if it is empty
  int64_t GetInt(absl::string_view name) const;                    // zero if it is empty
  std::vector<std::string> GetList(absl::string_view name) const;  // comma-separated
  bool IsSet(absl::string_view name) const;  // by flag, variable or file, not by default
  // Where the value came from, for messages: "--listen", "GITOPS_LISTEN", "config.toml:3",
  // "default".
  const std::string& Origin(absl::string_view name) const;

  struct Value {
    std::string value;
    std::string origin;
    bool set = false;
  };
  std::map<std::string, Value, std::less<>> values;
};

// The value of an environment variable; nullopt: not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
// The process's own environment.
std::optional<std::string> ProcessEnvironment(const std::string& name);

// Reads defaults, variables and flags: all that is needed to learn --config. `arguments` is without
// the program's name. Every program also has the boolean "help", which only the flag --help sets;
// -h stays free. A variable that is empty counts as not set. A list may be given several times.
// INVALID_ARGUMENT: every fault, one a line: an unknown flag, with the nearest, an argument that is
// no flag, a value of another type.
absl::StatusOr<Settings> ReadFlags(const std::vector<SettingDefinition>& definitions,
                                   const std::vector<std::string>& arguments,
                                   const EnvironmentLookup& environment);

// Adds what the table [program] of the config file says to what ReadFlags read. INVALID_ARGUMENT:
// every fault in that table, and every unknown top-level table, with file, line and nearest key.
absl::StatusOr<Settings> AddFileSettings(const std::vector<SettingDefinition>& definitions,
                                         const std::string& program, Settings settings,
                                         absl::string_view file_text, const std::string& file);

// Both steps. `file_text` is not read if `file` is empty.
absl::StatusOr<Settings> ReadSettings(const std::vector<SettingDefinition>& definitions,
                                      const std::string& program,
                                      const std::vector<std::string>& arguments,
                                      const EnvironmentLookup& environment,
                                      absl::string_view file_text, const std::string& file);

// What --help prints: `usage` ("gitops-agent [FLAGS]"), then each flag with help, default and type.
std::string UsageText(absl::string_view usage, const std::vector<SettingDefinition>& definitions);

// What differs between servers in the settings that all of them take.
struct ServerDefaults {
  std::string listen;          // "127.0.0.1:8004"
  std::string metrics_listen;  // "127.0.0.1:9222"
  std::string state_dir;       // "/var/lib/gitops-agent"
};
// config (-c), listen, metrics-listen (-m), address-file, state-dir, store, tls-dir, insecure,
// log-format, log-level, check-config, version.
std::vector<SettingDefinition> CommonServerSettings(const ServerDefaults& defaults);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_SETTINGS_H_
