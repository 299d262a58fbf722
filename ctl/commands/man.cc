#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ctl/cli/grammar.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/roff.h"

namespace gitops::ctl {
namespace {

std::string FlagPage(const FlagSpec& flag) {
  const std::string value = flag.choices.empty() ? flag.value : absl::StrJoin(flag.choices, "|");
  return absl::StrCat(
      ".TP\n", flag.short_name.empty() ? "" : absl::StrCat("\\fB\\-", flag.short_name, "\\fR, "),
      "\\fB\\-\\-", Roff(flag.name), "\\fR",
      value.empty() ? "" : absl::StrCat(" \\fI", Roff(value), "\\fR"), "\n", Roff(flag.help),
      flag.variable ? absl::StrCat(" (", Roff(VariableOf(flag.name)), ")") : "", "\n");
}

std::string CommandPage(const CommandSpec& spec) {
  std::vector<std::string> flags;
  for (const FlagSpec& flag : FlagSpecs()) {
    if (flag.group == FlagGroup::kGlobal || !TakesFlag(spec, flag)) continue;
    flags.push_back(absl::StrCat("\\fB\\-\\-", Roff(flag.name), "\\fR"));
  }
  return absl::StrCat(
      ".TP\n\\fB", Roff(UsageOf(spec.command)), "\\fR\n", Roff(spec.help), ".\n",
      flags.empty() ? "" : absl::StrCat("Flags: ", absl::StrJoin(flags, ", "), ".\n"));
}

std::string CommandsPage() {
  std::string page = ".SH COMMANDS\n";
  for (const CommandGroup& group : CommandGroups()) {
    absl::StrAppend(&page, ".SS ", group.title, "\n");
    for (const CommandId command : group.commands) {
      absl::StrAppend(&page, CommandPage(SpecOf(command)));
    }
  }
  return page;
}

std::string FlagsPage() {
  std::string page = ".SH FLAGS\n";
  for (const FlagSpec& flag : FlagSpecs()) absl::StrAppend(&page, FlagPage(flag));
  return page;
}

std::string EnvironmentPage() {
  std::string page = ".SH ENVIRONMENT\nA flag overrides its variable.\n";
  const auto add = [&page](const std::string& name, absl::string_view help) {
    absl::StrAppend(&page, ".TP\n\\fB", Roff(name), "\\fR\n", help, "\n");
  };
  for (const FlagSpec& flag : FlagSpecs()) {
    if (flag.variable) add(VariableOf(flag.name), absl::StrCat("\\-\\-", Roff(flag.name)));
  }
  add("GITOPS_TOKEN", "token for \\-\\-gateway");
  add("NO_COLOR", "no colors, unless \\-\\-color says otherwise");
  return page;
}

}  // namespace

ExitCode ManPage(Console& console) {
  console.out
      << ".TH GITOPSCTL 1 " << kManDate
      << " \"gitops\" \"User Commands\"\n.SH NAME\n"
         "gitopsctl \\- control a fleet of hosts that follow Git\n.SH SYNOPSIS\n"
         "\\fBgitopsctl\\fR \\fIVERB\\fR \\fINOUN\\fR [\\fI@HOST\\fR] [\\fIARGUMENTS\\fR] "
         "[\\fIFLAGS\\fR]\n.SH DESCRIPTION\n"
         "With @HOST a command calls the agent of that host, else the planner, for the hosts that "
         "\\-\\-on, \\-\\-tagged, \\-\\-skip, \\-\\-every and \\-\\-limit select.\n"
      << CommandsPage() << FlagsPage()
      << ".SH EXIT STATUS\n0 done; 1 failed or degraded; 2 usage; 3 unreachable or not allowed; "
         "4 timed out.\n"
      << EnvironmentPage()
      << ".SH SEE ALSO\nThe reference in docs/reference/gitopsctl.md of the source.\n"
      << std::flush;
  return kDone;
}

}  // namespace gitops::ctl
