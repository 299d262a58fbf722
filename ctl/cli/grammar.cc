#include "ctl/cli/grammar.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace gitops::ctl {
namespace {

const char* PlaceholderOf(Argument argument) {
  switch (argument) {
    case Argument::kService:
      return "SERVICE";
    case Argument::kHash:
      return "HASH";
    case Argument::kShell:
      return "bash|zsh|fish";
    case Argument::kWord:
      return "COMMAND";
    case Argument::kHost:
      return "HOST";
    case Argument::kDeployment:
      return "ID";
    case Argument::kAction:
      return "ACTION";
    case Argument::kPoint:
      return "POINT";
    case Argument::kKey:
      return "KEY";
    case Argument::kPipeline:
      return "NAMESPACE/NAME";
    case Argument::kEnvironment:
      return "ENVIRONMENT";
    case Argument::kRevision:
      return "REVISION";
    case Argument::kPromotion:
      return "ID";
    case Argument::kFile:
      return "FILE";
    case Argument::kCertificate:
      return "SERIAL|ROLE/NAME";
  }
  return "";
}

std::string ArgumentsOf(const CommandSpec& spec) {
  std::string text;
  for (size_t i = 0; i < spec.arguments.size(); ++i) {
    std::string placeholder = PlaceholderOf(spec.arguments[i]);
    if (spec.repeats && i + 1 == spec.arguments.size()) placeholder += "…";
    absl::StrAppend(&text, " ",
                    i < spec.required ? placeholder : absl::StrCat("[", placeholder, "]"));
  }
  return text;
}

bool Lists(const CommandSpec& spec, const FlagSpec& flag) {
  return std::find(spec.flags.begin(), spec.flags.end(), flag.name) != spec.flags.end();
}

}  // namespace

const CommandSpec& SpecOf(CommandId command) {
  for (const CommandSpec& spec : CommandSpecs()) {
    if (spec.command == command) return spec;
  }
  std::abort();  // Every action has a row there; a test walks them.
}

bool TakesFlag(const CommandSpec& spec, const FlagSpec& flag) {
  switch (flag.group) {
    case FlagGroup::kGlobal:
      return true;
    case FlagGroup::kSelection:
      return spec.selects || Lists(spec, flag);
    case FlagGroup::kPlan:
      return spec.plans || Lists(spec, flag);
    case FlagGroup::kOwn:
      return Lists(spec, flag);
  }
  return false;
}

bool AsksHost(const CommandSpec& spec) {
  return spec.reach == Reach::kHost || spec.reach == Reach::kHostOrFleet;
}

bool AsksFleet(const CommandSpec& spec) {
  return spec.reach == Reach::kFleet || spec.reach == Reach::kHostOrFleet;
}

std::string NameOf(CommandId command) {
  for (const Form& form : Forms()) {
    if (form.command == command) return absl::StrJoin(form.words, " ");
  }
  return "";
}

std::string UsageOf(CommandId command) {
  const CommandSpec& spec = SpecOf(command);
  return absl::StrCat("gitopsctl ", NameOf(command), ArgumentsOf(spec),
                      spec.reach == Reach::kHost          ? " @HOST"
                      : spec.reach == Reach::kHostOrFleet ? " [@HOST]"
                                                          : "");
}

std::string VariableOf(absl::string_view flag) {
  return absl::StrCat("GITOPS_", absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
}

}  // namespace gitops::ctl
