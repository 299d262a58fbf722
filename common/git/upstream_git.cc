#include "common/git/upstream_git.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/git/git_error.h"
#include "common/git/url.h"

namespace gitops {
namespace {

// info/attributes has the highest precedence of all attribute files.
constexpr char kNoConversion[] = "* -text -eol -ident -filter -working-tree-encoding\n";

}  // namespace

UpstreamGit::UpstreamGit(GitProcesses processes, const std::string& directory,
                         UpstreamSpec upstream, std::string user)
    : processes_(std::move(processes)),
      paths_(directory),
      upstream_(std::move(upstream)),
      user_(std::move(user)),
      name_(RedactUrl(upstream_.url)),
      access_(ParseUpstream(upstream_)),
      ssh_command_(SshCommandFor(upstream_)) {}

absl::StatusOr<Account> UpstreamGit::Prepare(GitReach reach) {
  if (!access_.ok()) return access_.status();
  auto account = FindAccount(user_);
  if (!account.ok()) return account;
  MutexLock lock(directory_mutex_);
  if (auto status = MakeGitDirectory(paths_, *account); !status.ok()) return status;
  if (auto status = WritePrivateFile(paths_.config, GitConfigFor(*access_, upstream_), *account);
      !status.ok()) {
    return status;
  }
  if (reach == GitReach::kLocal) return account;
  if (access_->scheme == "file") {
    if (auto status = CheckLocalUpstream(access_->path); !status.ok()) return status;
  }
  const auto netrc = NetrcFor(*access_, upstream_);
  if (!netrc.ok()) return netrc.status();
  if (auto status = WritePrivateFile(paths_.home + "/.netrc", *netrc, *account); !status.ok()) {
    return status;
  }
  return account;
}

absl::Status UpstreamGit::MakeWorkTree(const Account& account) {
  MutexLock lock(directory_mutex_);
  if (auto status = MakeTemplate(paths_, kNoConversion, account); !status.ok()) return status;
  for (const std::string& directory : {paths_.repository, paths_.work_tree}) {
    if (auto status = MakeAccountDirectory(directory, account); !status.ok()) return status;
  }
  const Command command = InWorkTree(
      account, {"init", "--quiet", absl::StrCat("--template=", paths_.work_tree_template)});
  return Run("init", absl::StrCat("creating a work tree for ", name_), command, GitReach::kLocal)
      .status();
}

Command UpstreamGit::InRepository(const Account& account,
                                  std::vector<std::string> arguments) const {
  return Build(account, {absl::StrCat("--git-dir=", paths_.repository)}, std::move(arguments));
}

Command UpstreamGit::InWorkTree(const Account& account, std::vector<std::string> arguments) const {
  return Build(account,
               {absl::StrCat("--git-dir=", paths_.repository),
                absl::StrCat("--work-tree=", paths_.work_tree)},
               std::move(arguments));
}

Command UpstreamGit::WithoutRepository(const Account& account,
                                       std::vector<std::string> arguments) const {
  // This directory never exists. Without --git-dir, git would look for a repository in parent
  // directories.
  return Build(account, {absl::StrCat("--git-dir=", paths_.directory, "/none")},
               std::move(arguments));
}

absl::StatusOr<CommandResult> UpstreamGit::Run(absl::string_view operation,
                                               absl::string_view attempt, const Command& command,
                                               GitReach reach) const {
  const absl::Time begin = processes_.clock->Now();
  auto result = processes_.runner->Run(command);
  const bool ok = result.ok() && result->ok();
  if (processes_.on_operation) {
    processes_.on_operation(operation, ok, processes_.clock->Now() - begin);
  }
  if (!result.ok()) {
    return absl::Status(result.status().code(),
                        absl::StrCat(attempt, ": ", result.status().message()));
  }
  if (ok) return result;
  const bool remote = reach == GitReach::kUpstream;
  const absl::Status status = StatusFromGit(attempt, *result, remote);
  // git does not distinguish the two.
  if (remote && access_.ok() && access_->scheme == "file" && absl::IsNotFound(status) &&
      absl::StrContains(status.message(), "not appear to be a git repository")) {
    return absl::NotFoundError(absl::StrCat(status.message(), ", or ",
                                            user_.empty() ? "the account of this program" : user_,
                                            " may not read it"));
  }
  return status;
}

Command UpstreamGit::Build(const Account& account, std::vector<std::string> options,
                           std::vector<std::string> arguments) const {
  Command command;
  command.argv = {"git"};
  for (std::string& option : options) command.argv.push_back(std::move(option));
  for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
  command.environment = {
      {"LC_ALL", "C"},
      {"HOME", paths_.home},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_CONFIG_GLOBAL", paths_.config},
      {"GIT_ATTR_NOSYSTEM", "1"},
      {"GIT_ALLOW_PROTOCOL", access_.ok() ? access_->scheme : "none"},
      {"GIT_PROTOCOL_FROM_USER", "0"},
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_ASKPASS", "/bin/false"},
      {"SSH_ASKPASS", "/bin/false"},
      {"SSH_ASKPASS_REQUIRE", "never"},
      {"GIT_SSH_COMMAND", ssh_command_},
      {"GIT_SSH_VARIANT", "ssh"},
      {"GIT_OPTIONAL_LOCKS", "0"},
      {"GIT_NO_REPLACE_OBJECTS", "1"},
      {"GIT_NO_LAZY_FETCH", "1"},
      {"GIT_LITERAL_PATHSPECS", "1"},
  };
  command.user = account.name;
  return command;
}

}  // namespace gitops
