#include "ctl/cli/grammar.h"

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
  }
  return "";
}

std::string ArgumentsOf(const ActionSpec& spec) {
  std::string text;
  for (size_t i = 0; i < spec.arguments.size(); ++i) {
    std::string placeholder = PlaceholderOf(spec.arguments[i]);
    if (spec.repeats && i + 1 == spec.arguments.size()) placeholder += "…";
    absl::StrAppend(&text, " ",
                    i < spec.required ? placeholder : absl::StrCat("[", placeholder, "]"));
  }
  return text;
}

}  // namespace

const std::vector<ActionSpec>& ActionSpecs() {
  static const auto& specs = *new std::vector<ActionSpec>{
      {Action::kListServices,
       {Argument::kService},
       0,
       false,
       true,
       {"watch"},
       "the services of a host and where they stand"},
      {Action::kListMachines, {}, 0, false, true, {}, "the machine names a host answers to"},
      {Action::kGetService,
       {Argument::kService},
       1,
       false,
       true,
       {"watch"},
       "one service with its revisions on disk and its last changes"},
      {Action::kFreeze,
       {Argument::kService},
       1,
       false,
       true,
       {"reason"},
       "stop following the upstream"},
      {Action::kUnfreeze,
       {Argument::kService},
       1,
       false,
       true,
       {"reason"},
       "follow the upstream again, and drop a rollback's pin"},
      {Action::kPull,
       {Argument::kService},
       1,
       false,
       true,
       {},
       "look at the upstream now and wait until it is taken up"},
      {Action::kRollback,
       {Argument::kService, Argument::kHash},
       2,
       false,
       true,
       {"reason"},
       "move to another revision and pin it there"},
      {Action::kDiff,
       {Argument::kService},
       1,
       false,
       true,
       {},
       "what is published that is not as the revision has it"},
      {Action::kWatch,
       {Argument::kService},
       0,
       true,
       true,
       {"watch"},
       "the services, and every change as it happens"},
      {Action::kCheck,
       {Argument::kService},
       0,
       true,
       true,
       {},
       "succeed if every service (or each that is named) is OK or FREEZE"},
      {Action::kCompletion,
       {Argument::kShell},
       1,
       false,
       false,
       {},
       "print a completion script for a shell"},
      {Action::kVersion, {}, 0, false, false, {}, "print the version"},
      {Action::kHelp, {Argument::kWord}, 0, true, false, {}, "explain a command"},
  };
  return specs;
}

const std::vector<Form>& Forms() {
  static const auto& forms = *new std::vector<Form>{
      {{"list", "services"}, Action::kListServices},
      {{"list", "machines"}, Action::kListMachines},
      {{"get", "service"}, Action::kGetService},
      {{"freeze"}, Action::kFreeze},
      {{"unfreeze"}, Action::kUnfreeze},
      {{"pull"}, Action::kPull},
      {{"rollback"}, Action::kRollback},
      {{"diff"}, Action::kDiff},
      {{"watch"}, Action::kWatch},
      {{"check"}, Action::kCheck},
      {{"completion"}, Action::kCompletion},
      {{"version"}, Action::kVersion},
      {{"help"}, Action::kHelp},
      // The noun may be said where it goes without saying.
      {{"freeze", "service"}, Action::kFreeze, true},
      {{"unfreeze", "service"}, Action::kUnfreeze, true},
      {{"pull", "service"}, Action::kPull, true},
      {{"rollback", "service"}, Action::kRollback, true},
      {{"diff", "service"}, Action::kDiff, true},
      {{"watch", "service"}, Action::kWatch, true},
      {{"watch", "services"}, Action::kWatch, true},
      {{"check", "services"}, Action::kCheck, true},
      // gitopperctl's: of its first releases (`state`), and of the later ones (`do`).
      {{"list", "service"}, Action::kListServices, true},
      {{"list", "machine"}, Action::kListMachines, true},
      {{"state", "freeze"}, Action::kFreeze, true},
      {{"state", "unfreeze"}, Action::kUnfreeze, true},
      {{"state", "rollback"}, Action::kRollback, true},
      {{"do", "freeze"}, Action::kFreeze, true},
      {{"do", "unfreeze"}, Action::kUnfreeze, true},
      {{"do", "rollback"}, Action::kRollback, true},
      {{"do", "pull"}, Action::kPull, true},
  };
  return forms;
}

const std::vector<Abbreviation>& Abbreviations() {
  static const auto& abbreviations = *new std::vector<Abbreviation>{
      {"", "ls", "list"},       {"", "l", "list"},          {"", "st", "state"},
      {"", "d", "do"},          {"list", "m", "machines"},  {"list", "s", "service"},
      {"state", "f", "freeze"}, {"state", "u", "unfreeze"}, {"state", "r", "rollback"},
      {"do", "f", "freeze"},    {"do", "u", "unfreeze"},    {"do", "r", "rollback"},
      {"do", "p", "pull"},
  };
  return abbreviations;
}

const std::vector<UnavailableForm>& UnavailableForms() {
  constexpr char kPlanner[] = "the planner";
  constexpr char kHooks[] = "the hook dispatcher";
  constexpr char kPromotions[] = "the promotion receiver";
  constexpr char kOneHost[] = "ask one host, as gitopsctl list machines @HOST";
  constexpr char kEachAgent[] =
      "each agent follows its branch by itself; gitopsctl watch @HOST shows it";
  constexpr char kPull[] =
      "push to the branch, and each agent takes it up; at once with gitopsctl "
      "pull SERVICE @HOST";
  constexpr char kRollback[] = "gitopsctl rollback SERVICE HASH @HOST does it on one host";
  constexpr char kFreeze[] = "gitopsctl freeze SERVICE @HOST and unfreeze do it on one host";
  constexpr char kAction[] = "what a change runs is the service's action in the config";
  constexpr char kMerge[] = "merge to the branch that the hosts follow";
  static const auto& forms = *new std::vector<UnavailableForm>{
      {"list", "hosts", kPlanner, kOneHost, true},
      {"list", "deployments", kPlanner, kEachAgent, true},
      {"list", "hooks", kHooks, kAction, true},
      {"list", "pipelines", kPromotions, kMerge, true},
      {"list", "promotions", kPromotions, kMerge, true},
      {"get", "host", kPlanner, kOneHost, true},
      {"get", "deployment", kPlanner, kEachAgent, true},
      {"get", "promotion", kPromotions, kMerge, true},
      {"get", "pipeline", kPromotions, kMerge, true},
      {"watch", "deployment", kPlanner, kEachAgent},
      {"rollback", "deployment", kPlanner, kRollback},
      {"cancel", "", kPlanner, kFreeze, true},
      {"resume", "", kPlanner, kFreeze, true},
      {"plan", "", kPlanner, kEachAgent, true},
      {"deploy", "", kPlanner, kPull, true},
      {"hooks", "", kHooks, kAction, true},
      {"promotions", "", kPromotions, kMerge, true},
      {"ca", "", "TLS", "reach other hosts through SSH, or in plain text with --insecure", true},
      {"context", "", "stored contexts",
       "set flags as variables, as GITOPS_OUTPUT=json, and name a host with @HOST", true},
      {"audit", "", kPlanner, "gitopsctl get service SERVICE @HOST lists the last changes", true},
  };
  return forms;
}

const std::vector<FlagSpec>& FlagSpecs() {
  static const auto& flags = *new std::vector<FlagSpec>{
      {"output",
       "o",
       "FORM",
       {"table", "wide", "json", "yaml", "name"},
       true,
       "how results are printed (default table)"},
      {"watch", "w", "", {}, false, "print every change until interrupted"},
      {"reason", "", "TEXT", {}, false, "why; kept with the change"},
      {"timeout",
       "",
       "DURATION",
       {},
       true,
       "give up after this long (default 30s; pull and rollback 5m; a watch never)"},
      {"insecure", "", "", {}, true, "speak plain text to other machines too"},
      {"tls-dir", "", "DIR", {}, true, "ca.crt, tls.crt and tls.key (not in this version)"},
      {"planner", "", "ADDRESS", {}, true, "the planner (not in this version)"},
      {"context", "", "NAME", {}, true, "a stored set of flags (not in this version)"},
      {"yes", "y", "", {}, true, "do not ask before destructive commands"},
      {"color",
       "",
       "WHEN",
       {"auto", "always", "never"},
       true,
       "colour states in tables (default auto: on a terminal, unless NO_COLOR is set)"},
      {"help", "h", "", {}, true, "explain the command"},
  };
  return flags;
}

const ActionSpec& SpecOf(Action action) {
  for (const ActionSpec& spec : ActionSpecs()) {
    if (spec.action == action) return spec;
  }
  std::abort();  // Every action has a row above; a test walks them.
}

std::string NameOf(Action action) {
  for (const Form& form : Forms()) {
    if (form.action == action) return absl::StrJoin(form.words, " ");
  }
  return "";
}

std::string UsageOf(Action action) {
  const ActionSpec& spec = SpecOf(action);
  return absl::StrCat("gitopsctl ", NameOf(action), ArgumentsOf(spec),
                      spec.on_host ? " @HOST" : "");
}

std::string VariableOf(absl::string_view flag) {
  return absl::StrCat("GITOPS_", absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
}

}  // namespace gitops::ctl
