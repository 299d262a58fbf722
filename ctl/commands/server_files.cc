#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/config/settings.h"
#include "common/program_config/program_settings.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/roff.h"

namespace gitops::ctl {
namespace {

struct Server {
  const char* name;
  const char* does;
  const char* files;  // that its unit names
  std::vector<SettingDefinition> (*settings)();
};

constexpr std::array<Server, 5> kServers = {{
    {"gitops-agent", "keep the services of this host at what Git says", "/etc/gitops/config.toml",
     AgentSettings},
    {"gitops-planner", "deploy to a fleet of hosts", "/etc/gitops/config.toml", PlannerSettings},
    {"gitops-hook-dispatcher", "call the endpoints that take part in deployments",
     "/etc/gitops/hooks.toml", HookDispatcherSettings},
    {"gitops-promotion-receiver", "promote revisions between environments",
     "/etc/gitops/config.toml, /etc/gitops/pipelines, /etc/gitops/secrets",
     PromotionReceiverSettings},
    {"gitops-gateway", "serve the API of a fleet over HTTP", "/etc/gitops/tokens.toml",
     GatewaySettings},
}};

const Server* Find(absl::string_view name) {
  for (const Server& server : kServers) {
    if (name == server.name) return &server;
  }
  return nullptr;
}

absl::Status Unknown(absl::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is no server; they are ",
                   absl::StrJoin(kServers, ", ", [](std::string* out, const Server& each) {
                     absl::StrAppend(out, each.name);
                   })));
}

std::string Variable(const SettingDefinition& setting) {
  return absl::StrCat("GITOPS_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(setting.name, {{"-", "_"}})));
}

// "default 60s; GITOPS_POLL; poll = …".
std::string Ways(const SettingDefinition& setting) {
  std::vector<std::string> ways;
  if (!setting.default_value.empty() && setting.default_value != "false") {
    ways.push_back(absl::StrCat("default ", setting.default_value));
  }
  ways.push_back(Variable(setting));
  if (setting.in_file) ways.push_back(absl::StrCat("in the file: ", setting.name));
  return absl::StrJoin(ways, "; ");
}

std::string Page(const SettingDefinition& setting) {
  return absl::StrCat(
      ".TP\n",
      setting.short_flag.empty() ? "" : absl::StrCat("\\fB\\-", setting.short_flag, "\\fR, "),
      "\\fB\\-\\-", Roff(setting.name), "\\fR",
      setting.choices.empty() ? "" : absl::StrCat(" ", Roff(absl::StrJoin(setting.choices, "|"))),
      "\n", Roff(setting.help), "\n.br\n", Roff(Ways(setting)), "\n");
}

}  // namespace

absl::StatusOr<ExitCode> ServerManPage(const std::string& name, Console& console) {
  const Server* const server = Find(name);
  if (server == nullptr) return Unknown(name);
  const std::string title = absl::AsciiStrToUpper(name);
  console.out << ".TH " << Roff(title) << " 8 " << kManDate
              << " \"gitops\" \"System Administration\"\n.SH NAME\n"
              << Roff(name) << " \\- " << Roff(server->does) << "\n.SH SYNOPSIS\n\\fB" << Roff(name)
              << "\\fR [\\fIFLAGS\\fR]\n.SH DESCRIPTION\n"
                 "systemd runs it as the unit of its name. Each setting is a flag, a variable and, "
                 "with a few exceptions, a key in the table ["
              << Roff(absl::StripPrefix(name, "gitops-"))
              << "] of the config file. A flag overrides the variable, which overrides the file.\n"
                 ".SH FLAGS\n";
  for (const SettingDefinition& setting : server->settings()) console.out << Page(setting);
  console.out << ".TP\n\\fB\\-\\-help\\fR\nprint the help and exit\n"
                 ".SH SIGNALS\nSIGHUP reloads the config. SIGTERM and SIGINT end the program; what "
                 "is under way goes on at its next start.\n"
                 ".SH EXIT STATUS\n0 ended by a signal; 1 it failed; 2 its settings are wrong.\n"
                 ".SH FILES\n"
              << Roff(server->files) << ", and the variables in /etc/default/" << Roff(name)
              << ".\n.SH SEE ALSO\n.BR gitopsctl (1)\n"
              << std::flush;
  return kDone;
}

absl::StatusOr<ExitCode> ServerCompletion(const std::string& name, Console& console) {
  const Server* const server = Find(name);
  if (server == nullptr) return Unknown(name);
  std::vector<std::string> flags = {"--help"};
  for (const SettingDefinition& setting : server->settings()) {
    flags.push_back(absl::StrCat("--", setting.name));
  }
  // Behind a flag that takes a value: the names of files, which most values are that are long.
  console.out << "complete -o default -W '" << absl::StrJoin(flags, " ") << "' " << name << "\n"
              << std::flush;
  return kDone;
}

}  // namespace gitops::ctl
