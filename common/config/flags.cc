#include "common/config/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/config/toml.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

std::string FlagNames(const SettingDefinition& definition) {
  const std::string name = absl::StrCat("--", definition.name);
  return definition.short_flag.empty() ? name : absl::StrCat("-", definition.short_flag, ",", name);
}

const SettingDefinition* FindShort(const std::vector<SettingDefinition>& definitions, char flag) {
  for (const SettingDefinition& definition : definitions) {
    if (definition.short_flag == std::string(1, flag)) return &definition;
  }
  return nullptr;
}

// Two forms that gitopper's parser accepts and CLI11 does not: `-c=FILE`, and `--flag=` for an
// empty value (CLI11 takes the next argument as its value).
std::vector<std::string> Translate(const std::vector<SettingDefinition>& definitions,
                                   const std::vector<std::string>& arguments) {
  std::vector<std::string> translated;
  for (std::string argument : arguments) {
    if (argument.size() > 2 && argument[0] == '-' && argument[1] != '-' && argument[2] == '=') {
      const SettingDefinition* definition = FindShort(definitions, argument[1]);
      if (definition != nullptr) {
        argument = absl::StrCat("--", definition->name, argument.substr(2));
      }
    }
    if (absl::StartsWith(argument, "--") && argument.find('=') == argument.size() - 1) {
      argument.pop_back();
      translated.push_back(std::move(argument));
      translated.emplace_back();
    } else {
      translated.push_back(std::move(argument));
    }
  }
  return translated;
}

absl::Status RefuseRest(const std::vector<SettingDefinition>& definitions,
                        const std::vector<std::string>& rest) {
  std::vector<std::string> known = {"help"};
  for (const SettingDefinition& definition : definitions) known.push_back(definition.name);
  std::vector<std::string> faults;
  for (const std::string& argument : rest) {
    if (argument.size() < 2 || argument[0] != '-' || argument == "--") continue;
    const std::string flag = argument.substr(0, argument.find('='));
    const absl::string_view word = absl::StripPrefix(absl::StripPrefix(flag, "-"), "-");
    std::string suggestion = Suggestion(word, known, false);
    suggestion = suggestion.empty() ? ": see --help" : suggestion;
    const size_t quote = suggestion.find('"');
    if (quote != std::string::npos) suggestion.insert(quote + 1, "--");
    faults.push_back(absl::StrCat("unknown flag ", flag, suggestion));
  }
  // The argument after an unknown flag may be its value: report it only if it is alone.
  if (faults.empty()) {
    for (const std::string& argument : rest) {
      if (argument == "--") continue;
      faults.push_back(absl::StrCat("unexpected argument \"", argument, "\": see --help"));
    }
  }
  return faults.empty() ? absl::OkStatus()
                        : absl::InvalidArgumentError(absl::StrJoin(faults, "\n"));
}

struct Option {
  const SettingDefinition* definition;
  CLI::Option* option;
};

Option AddOption(const SettingDefinition& definition, CLI::App& app,
                 std::vector<std::string>& values) {
  const std::string names = FlagNames(definition);
  if (definition.type == Type::kBool) return {&definition, app.add_flag(names)};
  // One value per flag, so that it does not consume later arguments.
  return {&definition, app.add_option(names, values)->allow_extra_args(false)};
}

std::string Joined(const SettingDefinition& definition, const std::vector<std::string>& results) {
  return definition.type == Type::kList ? absl::StrJoin(results, ",") : results.back();
}

absl::StatusOr<ParsedFlags> Parse(const std::vector<SettingDefinition>& definitions,
                                  std::vector<std::string> arguments) {
  CLI::App app;
  app.set_help_flag();  // -h is gitopper's flag for hosts
  app.allow_extras();
  const CLI::Option* help = app.add_flag("--help");
  std::vector<std::string> values;  // CLI11 needs a variable to write to; results() is read instead
  std::vector<Option> options;
  for (const SettingDefinition& definition : definitions) {
    options.push_back(AddOption(definition, app, values));
  }
  std::reverse(arguments.begin(), arguments.end());  // the order that CLI11 expects
  app.parse(arguments);
  ParsedFlags flags;
  flags.help = help->count() > 0;
  for (const Option& option : options) {
    const std::vector<std::string>& results = option.option->results();
    if (results.empty()) continue;
    flags.values[option.definition->name] = Joined(*option.definition, results);
  }
  // Including arguments after "--": no program takes positional arguments.
  const absl::Status status = RefuseRest(definitions, app.remaining());
  if (!status.ok()) return status;
  return flags;
}

}  // namespace

absl::StatusOr<ParsedFlags> ParseFlags(const std::vector<SettingDefinition>& definitions,
                                       const std::vector<std::string>& arguments) {
  try {
    return Parse(definitions, Translate(definitions, arguments));
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), ": see --help"));
  }
}

}  // namespace gitops
