#include "common/config/settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/config/flags.h"
#include "common/config/toml.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

const Settings::Value& ValueOf(const Settings& settings, absl::string_view name) {
  const auto found = settings.values.find(name);
  if (found == settings.values.end()) {
    std::fprintf(stderr, "the setting \"%s\" is not defined\n", std::string(name).c_str());
    std::abort();
  }
  return found->second;
}

absl::Status Refuse(absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", value, "\" ", why));
}

absl::StatusOr<std::string> ReadBool(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "true" || lower == "1" || lower == "t") return "true";
  if (lower == "false" || lower == "0" || lower == "f") return "false";
  return Refuse(text, "is not true or false");
}

absl::StatusOr<std::string> ReadChoice(const SettingDefinition& definition, std::string text) {
  const std::vector<std::string>& choices = definition.choices;
  if (choices.empty() || std::count(choices.begin(), choices.end(), text) > 0) return text;
  return Refuse(text, absl::StrCat("is not one of ", absl::StrJoin(choices, ", "),
                                   Suggestion(text, choices, false)));
}

absl::StatusOr<std::string> ReadDuration(const SettingDefinition& definition,
                                         const std::string& text) {
  const absl::StatusOr<absl::Duration> duration = ParseDurationText(text);
  if (!duration.ok()) return duration.status();
  if (*duration >= definition.least) return text;
  return Refuse(text, absl::StrCat("is less than ", FormatDurationText(definition.least)));
}

// `text` in its stored form, if it is of the setting's type.
absl::StatusOr<std::string> CheckType(const SettingDefinition& definition,
                                      const std::string& text) {
  int64_t number = 0;
  switch (definition.type) {
    case Type::kBool:
      return ReadBool(text);
    case Type::kInt:
      if (!absl::SimpleAtoi(text, &number)) return Refuse(text, "is not a whole number");
      return text;
    case Type::kDuration:
      return ReadDuration(definition, text);
    case Type::kString:
    case Type::kList:
      return ReadChoice(definition, text);
  }
  return text;
}

// Stores `text` from `origin`, or adds a line to `faults`.
void Store(const SettingDefinition& definition, const std::string& text, const std::string& origin,
           Settings& settings, std::vector<std::string>& faults) {
  absl::StatusOr<std::string> value = CheckType(definition, text);
  if (value.ok()) {
    settings.values[definition.name] = {*std::move(value), origin, true};
  } else {
    faults.push_back(absl::StrCat(origin, ": ", value.status().message()));
  }
}

std::string VariableOf(const SettingDefinition& definition) {
  return absl::StrCat("GITOPS_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(definition.name, {{"-", "_"}})));
}

absl::Status FaultsToStatus(const std::vector<std::string>& faults) {
  if (faults.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(faults, "\n"));
}

}  // namespace

const std::string& Settings::Get(absl::string_view name) const {
  return ValueOf(*this, name).value;
}

bool Settings::GetBool(absl::string_view name) const { return Get(name) == "true"; }

absl::Duration Settings::GetDuration(absl::string_view name) const {
  return ParseDurationText(Get(name)).value_or(absl::ZeroDuration());
}

int64_t Settings::GetInt(absl::string_view name) const {
  int64_t number = 0;
  return absl::SimpleAtoi(Get(name), &number) ? number : 0;
}

std::vector<std::string> Settings::GetList(absl::string_view name) const {
  std::vector<std::string> list;
  for (absl::string_view element : absl::StrSplit(Get(name), ',')) {
    element = absl::StripAsciiWhitespace(element);
    if (!element.empty()) list.emplace_back(element);
  }
  return list;
}

bool Settings::IsSet(absl::string_view name) const { return ValueOf(*this, name).set; }

const std::string& Settings::Origin(absl::string_view name) const {
  return ValueOf(*this, name).origin;
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

absl::StatusOr<Settings> ReadFlags(const std::vector<SettingDefinition>& definitions,
                                   const std::vector<std::string>& arguments,
                                   const EnvironmentLookup& environment) {
  const absl::StatusOr<ParsedFlags> flags = ParseFlags(definitions, arguments);
  if (!flags.ok()) return flags.status();
  Settings settings;
  std::vector<std::string> faults;
  settings.values["help"] = {flags->help ? "true" : "false", "--help", flags->help};
  for (const SettingDefinition& definition : definitions) {
    settings.values[definition.name] = {definition.default_value, "default", false};
    const auto flag = flags->values.find(definition.name);
    if (flag != flags->values.end()) {
      Store(definition, flag->second, absl::StrCat("--", definition.name), settings, faults);
      continue;
    }
    const std::string variable = VariableOf(definition);
    const std::optional<std::string> value = environment(variable);
    if (value.has_value() && !value->empty()) Store(definition, *value, variable, settings, faults);
  }
  const absl::Status status = FaultsToStatus(faults);
  if (!status.ok()) return status;
  return settings;
}

absl::StatusOr<Settings> AddFileSettings(const std::vector<SettingDefinition>& definitions,
                                         const std::string& program, Settings settings,
                                         absl::string_view file_text, const std::string& file) {
  const absl::StatusOr<TomlTable> root = ParseToml(file_text, file);
  if (!root.ok()) return root.status();
  KnowTopLevelTables(*root);
  if (const std::optional<TomlTable> table = root->Table(program)) {
    for (const SettingDefinition& definition : definitions) {
      if (!definition.in_file) continue;
      const std::optional<std::string> text = table->Scalar(definition.name);
      if (!text.has_value()) continue;
      // Checked even if a flag overrides it: the file would be wrong without the flag.
      const absl::StatusOr<std::string> value = CheckType(definition, *text);
      if (!value.ok()) {
        table->Fault(definition.name, value.status().message());
      } else if (!settings.values[definition.name].set) {
        settings.values[definition.name] = {*value, table->Where(definition.name), true};
      }
    }
  }
  const absl::Status status = root->Finish();
  if (!status.ok()) return status;
  return settings;
}

absl::StatusOr<Settings> ReadSettings(const std::vector<SettingDefinition>& definitions,
                                      const std::string& program,
                                      const std::vector<std::string>& arguments,
                                      const EnvironmentLookup& environment,
                                      absl::string_view file_text, const std::string& file) {
  absl::StatusOr<Settings> settings = ReadFlags(definitions, arguments, environment);
  if (!settings.ok() || file.empty()) return settings;
  return AddFileSettings(definitions, program, *std::move(settings), file_text, file);
}

void MakeAbsolute(Settings& settings, absl::string_view name) {
  std::string& path = settings.values[std::string(name)].value;
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (!path.empty() && !error) path = absolute.lexically_normal().string();
}

absl::Status BothRead(const absl::Status& settings, const absl::Status& rest) {
  if (settings.ok() || rest.ok()) return settings.ok() ? rest : settings;
  std::vector<std::string> lines;
  for (const absl::Status* status : {&settings, &rest}) {
    for (const absl::string_view line : absl::StrSplit(status->message(), '\n')) {
      if (!absl::c_linear_search(lines, line)) lines.emplace_back(line);
    }
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

}  // namespace gitops
