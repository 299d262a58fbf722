#include "ctl/cli/raw_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops::ctl {
namespace {

std::string CliNameOf(const FlagSpec& flag) {
  return flag.short_name.empty() ? absl::StrCat("--", flag.name)
                                 : absl::StrCat("-", flag.short_name, ",--", flag.name);
}

// A flag and a value in the form that CLI11 understands: it takes the '=' of `-o=json` as part of
// the value, and for `--output=` the next word as the value.
std::vector<std::string> FlagWithValue(const FlagSpec& flag, const std::string& value) {
  const std::string name = absl::StrCat("--", flag.name);
  if (value.empty() && !flag.value.empty()) return {name, ""};
  return {absl::StrCat(name, "=", value)};
}

const FlagSpec* FindFlag(const std::string& name) {
  const auto found = std::find_if(FlagSpecs().begin(), FlagSpecs().end(), [&](const FlagSpec& f) {
    return f.name == name || (!f.short_name.empty() && f.short_name == name);
  });
  return found == FlagSpecs().end() ? nullptr : &*found;
}

// The flag before the '=' of `--output=json`, `-o=json`, or of `-wo=json`, whose first letters are
// flags without a value; null: no such form.
const FlagSpec* FlagBeforeSign(const std::string& argument, size_t sign) {
  if (absl::StartsWith(argument, "--")) return FindFlag(argument.substr(2, sign - 2));
  for (size_t i = 1; i + 1 < sign; ++i) {
    const FlagSpec* flag = FindFlag(argument.substr(i, 1));
    if (flag == nullptr || !flag->value.empty()) return nullptr;
  }
  return FindFlag(argument.substr(sign - 1, 1));
}

std::vector<std::string> WithoutSigns(const std::vector<std::string>& arguments) {
  std::vector<std::string> result;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      result.insert(result.end(), std::next(arguments.begin(), static_cast<ptrdiff_t>(i)),
                    arguments.end());
      break;
    }
    const size_t sign = argument.find('=');
    const bool is_flag = argument[0] == '-' && sign != std::string::npos && sign > 1;
    const FlagSpec* flag = is_flag ? FlagBeforeSign(argument, sign) : nullptr;
    if (flag == nullptr) {
      result.push_back(argument);
      continue;
    }
    const bool bundled = argument[1] != '-' && sign > 2;
    if (bundled) result.push_back(argument.substr(0, sign - 1));
    for (std::string& word : FlagWithValue(*flag, argument.substr(sign + 1))) {
      result.push_back(std::move(word));
    }
  }
  return result;
}

void AddVariables(const Environment& environment, RawCommandLine& line) {
  for (const FlagSpec& flag : FlagSpecs()) {
    if (!flag.variable || line.flags.contains(flag.name)) continue;
    const std::string variable = VariableOf(flag.name);
    const std::optional<std::string> text = environment(variable);
    if (!text.has_value() || text->empty()) continue;
    line.flags[flag.name] = {*text, variable, false, {*text}};
  }
}

}  // namespace

absl::StatusOr<RawCommandLine> SplitCommandLine(const std::vector<std::string>& arguments,
                                                const Environment& environment) {
  RawCommandLine line;
  CLI::App app;
  // Help is an ordinary flag here: its output depends on the words beside it.
  app.set_help_flag();
  app.allow_extras();
  std::map<std::string, CLI::Option*> options;
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  for (const FlagSpec& flag : FlagSpecs()) {
    // A value is one word: the words after it are not part of it.
    options[flag.name] =
        flag.value.empty()
            ? app.add_flag(CliNameOf(flag), switches[flag.name])
            : app.add_option(CliNameOf(flag), values[flag.name])->allow_extra_args(false);
    options[flag.name]->type_name(flag.value);
  }
  app.add_option("words", line.words);
  try {
    std::vector<std::string> reversed = WithoutSigns(arguments);
    std::reverse(reversed.begin(), reversed.end());  // the order that CLI11 expects
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  for (const std::string& flag : app.remaining()) {
    if (flag != "--") line.unknown_flags.push_back(flag);  // CLI11 leaves the mark among them.
  }
  for (const auto& [name, option] : options) {
    if (option->count() == 0) continue;
    std::vector<std::string> all =
        values.contains(name) ? values[name]
                              : std::vector<std::string>{switches[name] ? "true" : "false"};
    const std::string last = all.back();
    line.flags[name] = {last, absl::StrCat("--", name), true, std::move(all)};
  }
  AddVariables(environment, line);
  return line;
}

}  // namespace gitops::ctl
