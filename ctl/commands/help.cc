#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/ports.h"
#include "common/plan/vocabulary.h"
#include "ctl/cli/grammar.h"
#include "ctl/commands/commands.h"
#include "ctl/output/table.h"

namespace gitops::ctl {
namespace {

std::string Introduction() {
  return absl::StrCat(
      "gitopsctl VERB NOUN [@HOST] [ARGUMENTS] [FLAGS]\n"
      "\n"
      "With @HOST the command calls the agent of that host: @web1, @192.0.2.7:9000, "
      "@[2001:db8::1],\n"
      "@unix:/path. It may be anywhere after the verb; the default port is ",
      kAgentPort,
      ". Without it the\n"
      "command calls the planner, for the hosts that --on, --tagged, --skip, --every and --limit "
      "select.\n");
}

constexpr char kExitCodes[] =
    "\nExit status: 0 done; 1 failed or degraded; 2 usage; 3 unreachable or not allowed; 4 timed "
    "out.\n";

std::string FlagText(const FlagSpec& flag) {
  return absl::StrCat("  ",
                      flag.short_name.empty() ? "    " : absl::StrCat("-", flag.short_name, ", "),
                      "--", flag.name, flag.value.empty() ? "" : " ",
                      flag.choices.empty() ? flag.value : absl::StrJoin(flag.choices, "|"));
}

std::string FlagsText(const std::vector<FlagSpec>& flags) {
  std::vector<Row> rows;
  for (const FlagSpec& flag : flags) rows.push_back({FlagText(flag), flag.help});
  return FormatTable(rows);
}

std::vector<FlagSpec> GlobalFlags() {
  std::vector<FlagSpec> flags;
  for (const FlagSpec& flag : FlagSpecs()) {
    if (flag.group == FlagGroup::kGlobal) flags.push_back(flag);
  }
  return flags;
}

std::string Overview() {
  std::string text = absl::StrCat(Introduction(), "\nCommands:\n");
  for (const CommandGroup& group : CommandGroups()) {
    std::vector<Row> rows;
    for (const CommandId command : group.commands) {
      rows.push_back(
          {"  " + UsageOf(command).substr(sizeof("gitopsctl ") - 1), SpecOf(command).help});
    }
    absl::StrAppend(&text, group.title, ":\n", FormatTable(rows));
  }
  return absl::StrCat(text,
                      "\nFlags of a command: gitopsctl help COMMAND. Global flags, anywhere on the "
                      "command line, and as\nvariables (--tls-dir is GITOPS_TLS_DIR):\n",
                      FlagsText(GlobalFlags()), kExitCodes);
}

std::string AboutCommand(const CommandSpec& spec) {
  std::vector<std::string> also;
  for (const Form& form : Forms()) {
    if (form.command == spec.command && form.alias) also.push_back(absl::StrJoin(form.words, " "));
  }
  std::vector<FlagSpec> flags;
  for (const FlagSpec& flag : FlagSpecs()) {
    if (flag.group != FlagGroup::kGlobal && TakesFlag(spec, flag)) flags.push_back(flag);
  }
  return absl::StrCat(
      UsageOf(spec.command), "\n\n  ", spec.help, "\n",
      also.empty() ? "" : absl::StrCat("  Also: ", absl::StrJoin(also, ", "), "\n"),
      spec.plans ? absl::StrCat("  Actions: ", absl::StrJoin(AllActions(), ", "), "\n") : "",
      flags.empty() ? "" : absl::StrCat("\nFlags:\n", FlagsText(flags)));
}

constexpr char kGlobalFlagsHint[] = "\nGlobal flags: gitopsctl help\n";

}  // namespace

absl::StatusOr<ExitCode> Help(const Invocation& invocation, Console& console) {
  const std::string wanted = absl::StrJoin(invocation.arguments, " ");
  std::string text;
  for (const Form& form : Forms()) {
    const bool whole = absl::StrJoin(form.words, " ") == wanted;
    // `help list` explains all commands with the verb `list`.
    const bool verb = form.words.size() == 2 && form.words[0] == wanted && !form.alias;
    if (!whole && !verb) continue;
    if (!text.empty()) text += "\n";
    text += AboutCommand(SpecOf(form.command));
    if (whole) break;
  }
  console.out << (text.empty() ? Overview() : text + kGlobalFlagsHint) << std::flush;
  return kDone;
}

}  // namespace gitops::ctl
