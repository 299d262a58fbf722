#ifndef GITOPS_CTL_CLI_GRAMMAR_H_
#define GITOPS_CTL_CLI_GRAMMAR_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops::ctl {

// The command language as tables. Parsing, help and completion use them.

enum class CommandId {
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
  kRemoveRecord,
  kListPipelines,
  kListPromotions,
  kGetPipeline,
  kGetPromotion,
  kApprovePromotion,
  kRejectPromotion,
  kReplayPromotion,
  kHoldEnvironment,
  kReleaseEnvironment,
  kTokenCreate,
  kCaInit,
  kCaIssue,
  kCaRenew,
  kCaList,
  kCaRevoke,
  kCaIssuer,
  kCaRetire,
  kCaToken,
  kConfigCheck,
  kConfigRender,
  kConfigSchema,
  kWaitService,
  kWaitDeployment,
  kHistory,
  kDescribeService,
  kDescribeHost,
  kDescribeDeployment,
  kEvents,
  kAcknowledge,
  kAudit,
  kAuditVerify,
  kAuditExport,
  kDebugBundle,
  kCompletion,
  kVersion,
  kHelp,
};

// What a positional argument is, for usage lines and completion.
enum class Argument {
  kService,
  kHash,
  kShell,
  kWord,
  kHost,
  kDeployment,
  kAction,
  kPoint,
  kKey,
  kPipeline,  // NAMESPACE/NAME
  kEnvironment,
  kRevision,  // of any form
  kPromotion,
  kFile,
  kCertificate  // SERIAL or ROLE/NAME
};

// The roles of people, which a token may have; the others are of programs.
inline constexpr absl::string_view kRolesOfPeople[] = {"viewer", "operator", "approver", "admin"};

// Which server a command calls.
enum class Reach {
  kNone,
  kHost,         // the agent of @HOST
  kFleet,        // the planner
  kHostOrFleet,  // the agent if @HOST is given, else the planner
  kPromotions    // the promotion receiver
};

// Which commands take a flag.
enum class FlagGroup {
  kGlobal,     // all
  kSelection,  // those that select hosts of the fleet
  kPlan,       // those that make a plan
  kOwn         // those that list the flag
};

// What one command takes, whatever its form.
struct CommandSpec {
  CommandId command;
  Reach reach = Reach::kNone;
  std::vector<Argument> arguments;  // in order
  size_t required = 0;              // how many of them must be given
  bool repeats = false;             // the last may be repeated
  std::vector<std::string> flags;   // of FlagGroup::kOwn, or single ones of kPlan, by long name
  std::string help;
  bool selects = false;  // takes FlagGroup::kSelection, when it calls the planner
  bool plans = false;    // takes FlagGroup::kPlan
  bool changes = false;  // changes the selected hosts: the whole fleet only with --all
};

// The words of a command: {"list", "services"}, or gitopperctl's {"do", "freeze"}.
struct Form {
  std::vector<std::string> words;
  CommandId command;
  bool alias = false;  // accepted, but not in help or completion
};

// The short words of gitopperctl: `d r` is `do rollback`. If `verb` is empty, the word is a verb,
// else a noun of that verb.
struct Abbreviation {
  std::string verb;
  std::string shortened;
  std::string word;
};

// A command of a later version. If `noun` is empty, the whole verb.
struct UnavailableForm {
  std::string verb;
  std::string noun;
  std::string needs;       // what this version lacks: "TLS"
  std::string instead;     // what to do in this version
  bool with_host = false;  // also with @HOST (otherwise the words may name a service)
};

struct FlagSpec {
  std::string name;        // without dashes
  std::string short_name;  // one letter, or empty
  std::string value;       // placeholder of the value in help; empty: the flag takes no value
  std::vector<std::string> choices;
  FlagGroup group = FlagGroup::kGlobal;
  std::string help;
  // Whether the variable GITOPS_NAME sets it. Not for flags with which a forgotten variable would
  // change what is done, or to which hosts.
  bool variable = false;
  bool repeats = false;  // may be repeated; otherwise the last one counts
};

const std::vector<CommandSpec>& CommandSpecs();
const std::vector<Form>& Forms();
const std::vector<Abbreviation>& Abbreviations();
const std::vector<UnavailableForm>& UnavailableForms();
const std::vector<FlagSpec>& FlagSpecs();

// Commands that help shows together. Each command is in one of them.
struct CommandGroup {
  std::string title;
  std::vector<CommandId> commands;
};

// A flag of another tool that people type by habit.
struct ForeignFlag {
  std::string flag;     // as written: "-m", "--namespace"
  std::string tool;     // whose it is: "kubectl"
  std::string instead;  // what to write here
};

const std::vector<CommandGroup>& CommandGroups();
const std::vector<ForeignFlag>& ForeignFlags();

const CommandSpec& SpecOf(CommandId command);
bool TakesFlag(const CommandSpec& spec, const FlagSpec& flag);
bool AsksHost(const CommandSpec& spec);
bool AsksFleet(const CommandSpec& spec);
// Its first form: "list services".
std::string NameOf(CommandId command);
// "gitopsctl rollback SERVICE HASH [@HOST]".
std::string UsageOf(CommandId command);
// The variable of a flag: "tls-dir" is GITOPS_TLS_DIR.
std::string VariableOf(absl::string_view flag);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_GRAMMAR_H_
