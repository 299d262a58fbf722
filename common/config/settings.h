#ifndef GITOPS_COMMON_CONFIG_SETTINGS_H_
#define GITOPS_COMMON_CONFIG_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/duration.h"

namespace gitops {

// One setting of a program: the flag `--name`, the variable GITOPS_NAME, and the key `name` in the
// program's table of the config file. A flag overrides the variable, which overrides the file.
struct SettingDefinition {
  std::string name;        // the flag without dashes: "metrics-listen"
  std::string short_flag;  // "m" for -m; empty: none
  std::string help;        // one line
  std::string default_value;
  enum class Type { kString, kBool, kDuration, kInt, kList } type = Type::kString;
  bool in_file = true;                    // false: flag and variable only (--config, --version)
  std::vector<std::string> choices = {};  // the allowed strings; empty: any
  absl::Duration least = absl::ZeroDuration();  // the minimum of a duration
};

// The settings of a program. Values are checked against their type.
class Settings {
 public:
  const std::string& Get(
      absl::string_view name) const;  // aborts for an undefined name, which is a bug
  bool GetBool(absl::string_view name) const;
  absl::Duration GetDuration(absl::string_view name) const;        // zero if empty
  int64_t GetInt(absl::string_view name) const;                    // zero if empty
  std::vector<std::string> GetList(absl::string_view name) const;  // comma-separated
  bool IsSet(absl::string_view name) const;                        // by flag, variable or file
  // The source of the value, for messages: "--listen", "GITOPS_LISTEN", "config.toml:3", "default".
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
// Reads the process's environment.
std::optional<std::string> ProcessEnvironment(const std::string& name);

// Reads defaults, variables and flags, which suffice to find --config. `arguments` is without the
// program's name. Every program also has the boolean "help", which only the flag --help sets; -h is
// not reserved. An empty variable counts as not set. The flag of a list may be repeated.
// INVALID_ARGUMENT: all errors, one per line: an unknown flag (with the nearest known one), an
// argument that is not a flag, a value of another type.
absl::StatusOr<Settings> ReadFlags(const std::vector<SettingDefinition>& definitions,
                                   const std::vector<std::string>& arguments,
                                   const EnvironmentLookup& environment);

// Adds the table [program] of the config file to the result of ReadFlags. INVALID_ARGUMENT: all
// errors of that table, and every unknown top-level table, with file, line and nearest key.
absl::StatusOr<Settings> AddFileSettings(const std::vector<SettingDefinition>& definitions,
                                         const std::string& program, Settings settings,
                                         absl::string_view file_text, const std::string& file);

// Both steps. `file_text` is ignored if `file` is empty.
absl::StatusOr<Settings> ReadSettings(const std::vector<SettingDefinition>& definitions,
                                      const std::string& program,
                                      const std::vector<std::string>& arguments,
                                      const EnvironmentLookup& environment,
                                      absl::string_view file_text, const std::string& file);

// Makes the path of a setting absolute, so that it stays the same when the program changes its
// directory. An empty one stays empty.
void MakeAbsolute(Settings& settings, absl::string_view name);

// The errors of two readings of one file, for its settings and for the rest, each line once, since
// both report a file that is not valid TOML.
absl::Status BothRead(const absl::Status& settings, const absl::Status& rest);

// The output of --help: `usage` ("gitops-agent [FLAGS]"), then each flag with help, default and
// type.
std::string UsageText(absl::string_view usage, const std::vector<SettingDefinition>& definitions);

// The defaults of the common settings, which differ between servers.
struct ServerDefaults {
  std::string listen;          // "127.0.0.1:8004"
  std::string metrics_listen;  // "127.0.0.1:9222"
  std::string state_dir;       // "/var/lib/gitops-agent"
};
// config (-c), listen, metrics-listen (-m), address-file, state-dir, store, tls-dir, insecure,
// audit-to, audit-keep, audit-size, log-format, log-level, check-config, version.
std::vector<SettingDefinition> CommonServerSettings(const ServerDefaults& defaults);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_SETTINGS_H_
