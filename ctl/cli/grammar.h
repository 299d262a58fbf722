#ifndef GITOPS_CTL_CLI_GRAMMAR_H_
#define GITOPS_CTL_CLI_GRAMMAR_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops::ctl {

// The command language as tables: parsing, help and completion are all derived from them.

enum class Action {
  kListMachines,
  kListServices,
  kListHosts,
  kListDeployments,
  kListHooks,
  kGetService,
  kListLocks,
  kGetHost,
  kGetDeployment,
  kFreeze,
  kUnfreeze,
  kPull,
  kRollback,
  kDiff,
  kWatch,
  kWatchHosts,
  kCheck,
  kPlan,
  kDeploy,
  kWatchDeployment,
  kCancelDeployment,
  kResumeDeployment,
  kRollbackDeployment,
  kHooksTest,
  kBreakLock,
  kCompletion,
  kVersion,
  kHelp,
};

// What a positional argument is, for usage lines and completion.
enum class Argument { kService, kHash, kShell, kWord, kHost, kDeployment, kAction, kPoint };

// Whom an action asks.
enum class Reach {
  kNone,
  kHost,        // the agent that @HOST names
  kFleet,       // the planner
  kHostOrFleet  // the agent where an @HOST is given, else the planner
};

// Which actions take a flag.
enum class FlagGroup {
  kGlobal,     // all
  kSelection,  // those that choose hosts of the fleet
  kPlan,       // those that make a plan
  kOwn         // those that list it
};

// What one action takes, whichever words named it.
struct ActionSpec {
  Action action;
  Reach reach = Reach::kNone;
  std::vector<Argument> arguments;  // in order
  size_t required = 0;              // how many of them must be given
  bool repeats = false;             // the last may be given many times
  std::vector<std::string> flags;   // of FlagGroup::kOwn (or kPlan, one by one), by long name
  std::string help;
  bool selects = false;  // takes FlagGroup::kSelection, where it asks the planner
  bool plans = false;    // takes FlagGroup::kPlan
  bool changes = false;  // changes the selected hosts: the whole fleet only with --all
};

// A way to name an action: {"list", "services"}, or gitopperctl's {"do", "freeze"}.
struct Form {
  std::vector<std::string> words;
  Action action;
  bool alias = false;  // understood, but not shown in help nor offered by completion
};

// gitopperctl's short words: `d r` is `do rollback`. Where `verb` is empty it stands for a verb,
// else for a noun of that verb.
struct Abbreviation {
  std::string verb;
  std::string shortened;
  std::string word;
};

// Known to the language, carried out by a later version. Where `noun` is empty, the whole verb.
struct UnavailableForm {
  std::string verb;
  std::string noun;
  std::string needs;       // what this version lacks: "the planner"
  std::string instead;     // what to do today
  bool with_host = false;  // also where a host is named (else those words could be a service's)
};

struct FlagSpec {
  std::string name;        // without dashes
  std::string short_name;  // one letter, or empty
  std::string value;       // what the value is called in help; empty: the flag has no value
  std::vector<std::string> choices;
  FlagGroup group = FlagGroup::kGlobal;
  std::string help;
  // Whether GITOPS_NAME stands for it. Not where a variable that was forgotten would change what
  // is done to which hosts.
  bool variable = false;
  bool repeats = false;  // may be given many times; else the last one counts
};

const std::vector<ActionSpec>& ActionSpecs();
const std::vector<Form>& Forms();
const std::vector<Abbreviation>& Abbreviations();
const std::vector<UnavailableForm>& UnavailableForms();
const std::vector<FlagSpec>& FlagSpecs();

const ActionSpec& SpecOf(Action action);
bool TakesFlag(const ActionSpec& spec, const FlagSpec& flag);
bool AsksHost(const ActionSpec& spec);
bool AsksFleet(const ActionSpec& spec);
// The words that name it first: "list services".
std::string NameOf(Action action);
// "gitopsctl rollback SERVICE HASH [@HOST]".
std::string UsageOf(Action action);
// The variable of a flag: "tls-dir" is GITOPS_TLS_DIR.
std::string VariableOf(absl::string_view flag);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_GRAMMAR_H_
