#include "agent/program/join_command.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/join/join.h"
#include "agent/program/settings.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/path/read_file.h"
#include "common/server/lifecycle.h"
#include "common/server/program.h"

namespace gitops {
namespace {

using Type = SettingDefinition::Type;

constexpr char kProgram[] = "gitops-agent join";
constexpr char kUsage[] =
    "gitops-agent join --planner https://HOST:8005 --token-file FILE --ca-hash SHA256 [FLAGS]";
constexpr size_t kMaxToken = 1024;

std::vector<SettingDefinition> JoinSettings() {
  return {
      {.name = "planner", .help = "where the planner lets hosts join: https://HOST:8005"},
      {.name = "token",
       .help = "the join token; other accounts of this host can see it while this runs"},
      {.name = "token-file", .help = "file with the join token; -: the standard input"},
      {.name = "ca-hash", .help = "SHA-256 of the authority, as 'gitopsctl ca token' prints it"},
      {.name = "tls-dir",
       .help = "directory for ca.crt, tls.crt and tls.key",
       .default_value = "/etc/gitops/tls"},
      {.name = "name", .help = "the host's name in the fleet; empty: the machine's own name"},
      {.name = "version",
       .help = "print the version",
       .default_value = "false",
       .type = Type::kBool},
  };
}

absl::StatusOr<Secret> ReadToken(const Settings& settings) {
  const std::string& file = settings.Get("token-file");
  const std::string& token = settings.Get("token");
  if (token.empty() == file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("give one of --token-file and --token; usage: ", kUsage));
  }
  if (!token.empty()) return Secret(token);
  const absl::StatusOr<std::string> text =
      file == "-" ? ReadToEnd(STDIN_FILENO, "the standard input", kMaxToken)
                  : ReadWholeFile(file, kMaxToken);
  if (!text.ok()) return text.status();
  return Secret(std::string(absl::StripAsciiWhitespace(*text)));
}

int Run(const Settings& settings) {
  absl::StatusOr<Secret> token = ReadToken(settings);
  if (!token.ok()) return ReportFailure(kProgram, token.status());
  const std::string& name = settings.Get("name");
  const JoinOptions options{.planner = settings.Get("planner"),
                            .token = *std::move(token),
                            .ca_hash = settings.Get("ca-hash"),
                            .tls_dir = settings.Get("tls-dir"),
                            .host = name.empty() ? HostName() : name};
  const absl::StatusOr<std::string> joined = Join(options, *NewHttpClient(), *Clock::System());
  if (!joined.ok()) return ReportFailure(kProgram, joined.status());
  std::cout << kProgram << ": " << *joined << std::endl;
  return 0;
}

}  // namespace

int RunJoin(const std::vector<std::string>& arguments) {
  return RunServerProgram({kProgram, kUsage, JoinSettings()}, arguments, Run);
}

}  // namespace gitops
