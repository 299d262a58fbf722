#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/settings.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

std::string ValueName(const SettingDefinition& definition) {
  if (!definition.choices.empty()) return absl::StrJoin(definition.choices, "|");
  switch (definition.type) {
    case Type::kBool:
      return "";
    case Type::kDuration:
      return "DURATION";
    case Type::kInt:
      return "NUMBER";
    case Type::kList:
      return "A,B,…";
    case Type::kString:
      return "TEXT";
  }
  return "";
}

std::string FlagColumn(const SettingDefinition& definition) {
  const std::string value = ValueName(definition);
  return absl::StrCat(
      definition.short_flag.empty() ? "    " : absl::StrCat("-", definition.short_flag, ", "), "--",
      definition.name, value.empty() ? "" : " ", value);
}

std::string DefaultNote(const SettingDefinition& definition) {
  if (definition.default_value.empty() || definition.default_value == "false") return "";
  return absl::StrCat(" (default ", definition.default_value, ")");
}

}  // namespace

std::string UsageText(absl::string_view usage, const std::vector<SettingDefinition>& definitions) {
  std::string text = absl::StrCat("Usage: ", usage, "\n\n");
  constexpr size_t kColumn = 34;
  for (const SettingDefinition& definition : definitions) {
    const std::string flag = FlagColumn(definition);
    const size_t gap = flag.size() < kColumn ? kColumn - flag.size() : 1;
    absl::StrAppend(&text, "  ", flag, std::string(gap, ' '), definition.help,
                    DefaultNote(definition), "\n");
  }
  absl::StrAppend(&text, "      --help", std::string(kColumn - 10, ' '),
                  "print this help and exit\n\n",
                  "Each flag --a-b is also the variable GITOPS_A_B and, with a few exceptions, the "
                  "key a-b in\nthe program's table of the config file. A flag overrides the "
                  "variable, which overrides the\nfile.\n");
  return text;
}

std::vector<SettingDefinition> CommonServerSettings(const ServerDefaults& defaults) {
  return {
      {"config", "c", "config file (TOML)", "", Type::kString, false, {}},
      {"listen",
       "",
       "serve on HOST:PORT or unix:PATH; port 0 picks one",
       defaults.listen,
       Type::kList,
       true,
       {}},
      {"metrics-listen",
       "m",
       "serve metrics and health over HTTP on HOST:PORT",
       defaults.metrics_listen,
       Type::kString,
       true,
       {}},
      {"address-file",
       "",
       "write the addresses in use to this file when the server is ready",
       "",
       Type::kString,
       true,
       {}},
      {"state-dir", "", "state directory", defaults.state_dir, Type::kString, true, {}},
      {"store",
       "",
       "store the state in etcd://HOST:PORT[,HOST:PORT…]/PREFIX instead",
       "",
       Type::kString,
       true,
       {}},
      {"tls-dir", "", "directory of ca.crt, tls.crt and tls.key", "", Type::kString, true, {}},
      {"insecure",
       "",
       "allow plain text on all addresses, and let its callers do everything",
       "false",
       Type::kBool,
       true,
       {}},
      {.name = "audit-to",
       .help = "send the audit to syslog, syslog:/SOCKET or file:/PATH as well"},
      {.name = "audit-keep",
       .help = "how long entries of the audit are kept",
       .default_value = "9600h",
       .type = Type::kDuration,
       .least = absl::Seconds(1)},
      {.name = "audit-size",
       .help = "MiB that the audit may have; the oldest entries beyond are removed",
       .default_value = "256",
       .type = Type::kInt},
      {"log-format",
       "",
       "log format on standard error",
       "text",
       Type::kString,
       true,
       {"text", "json"}},
      {"log-level",
       "",
       "minimum log level",
       "info",
       Type::kString,
       true,
       {"debug", "info", "warning", "error"}},
      {"check-config", "", "check the config file and exit", "false", Type::kBool, false, {}},
      {"version", "", "print the version and exit", "false", Type::kBool, false, {}},
  };
}

}  // namespace gitops
