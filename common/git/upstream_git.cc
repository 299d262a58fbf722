#include "common/git/upstream_git.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/git/git_error.h"
#include "common/git/url.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

// info/attributes has the highest precedence of all attribute files.
constexpr char kNoConversion[] = "* -text -eol -ident -filter -working-tree-encoding\n";

// When memory runs out, git goes before this program.
constexpr int kOomScore = 500;
constexpr int64_t kLeastDefaultMemory = int64_t{512} << 20;
constexpr int64_t kMaxDefaultMemory = int64_t{2} << 30;

int64_t DefaultGitMemory() {
  const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return std::clamp(memory / 4, kLeastDefaultMemory, kMaxDefaultMemory);
}

// This program's own proxy, by the variables that curl knows.
void AddProxyVariables(Command* command) {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                           "no_proxy", "NO_PROXY"}) {
    const char* value = getenv(name);
    if (value != nullptr) command->environment.emplace_back(name, value);
  }
}

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
  // The address of a proxy may contain a password.
  const FileFor readers = upstream_.proxy.empty() ? FileFor::kEverybody : FileFor::kAccount;
  const std::string config = GitConfigFor(*access_, upstream_, paths_.credentials);
  if (auto status = WriteOwnFile(paths_.config, config, readers, *account); !status.ok()) {
    return status;
  }
  if (reach == GitReach::kLocal) return account;
  if (access_->scheme == "file") {
    if (auto status = CheckLocalUpstream(access_->path); !status.ok()) return status;
  }
  if (access_->scheme == "ssh") {
    if (auto status = CheckSshKey(upstream_); !status.ok()) return status;
  }
  const auto credentials = CredentialsFor(*access_, upstream_);
  if (!credentials.ok()) return credentials.status();
  if (auto status = WriteOwnFile(paths_.credentials, *credentials, FileFor::kAccount, *account);
      !status.ok()) {
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
  absl::StatusOr<CommandResult> result;
  const absl::Status status = Counted(operation, [&] {
    result = processes_.runner->Run(command);
    if (!result.ok()) {
      const bool late = reach == GitReach::kUpstream && absl::IsDeadlineExceeded(result.status());
      return WithStateReason(late ? StateReason::kUpstreamUnreachable : StateReason::kNone,
                             absl::Status(result.status().code(),
                                          absl::StrCat(attempt, ": ", result.status().message())));
    }
    return result->ok() ? absl::OkStatus() : Explain(attempt, *result, reach);
  });
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<std::unique_ptr<Conversation>> UpstreamGit::Converse(const Command& command) const {
  return processes_.runner->Converse(command);
}

absl::Status UpstreamGit::Explain(absl::string_view attempt, const CommandResult& ending,
                                  GitReach reach) const {
  const bool remote = reach == GitReach::kUpstream;
  const absl::Status status = StatusFromGit(attempt, ending, remote);
  // git does not distinguish the two.
  if (remote && access_.ok() && access_->scheme == "file" && absl::IsNotFound(status) &&
      absl::StrContains(status.message(), "not appear to be a git repository")) {
    return WithMessage(status, absl::StrCat(status.message(), ", or ",
                                            user_.empty() ? "the account of this program" : user_,
                                            " may not read it"));
  }
  return status;
}

absl::Status UpstreamGit::Counted(absl::string_view operation,
                                  absl::FunctionRef<absl::Status()> run) const {
  const absl::Time begin = processes_.clock->Now();
  absl::Status status = run();
  if (processes_.on_operation) {
    processes_.on_operation(operation, status.ok(), processes_.clock->Now() - begin);
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
      // Each arena of malloc reserves 64 MiB of the address space, which is limited.
      {"MALLOC_ARENA_MAX", "2"},
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
  if (access_.ok() && IsHttp(*access_) && upstream_.proxy.empty()) AddProxyVariables(&command);
  command.user = account.name;
  command.max_memory = upstream_.git_memory > 0 ? upstream_.git_memory : DefaultGitMemory();
  command.oom_score_adj = kOomScore;
  return command;
}

}  // namespace gitops
