#ifndef GITOPS_COMMON_GIT_UPSTREAM_GIT_H_
#define GITOPS_COMMON_GIT_UPSTREAM_GIT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/git/account.h"
#include "common/git/git_directory.h"
#include "common/git/upstream.h"
#include "common/git/upstream_access.h"
#include "common/process/process.h"
#include "common/sync/mutex.h"

namespace gitops {

struct GitProcesses {
  ProcessRunner* runner = nullptr;  // must outlive its users
  Clock* clock = Clock::System();
  // Called after every git process, with its subcommand, result and duration. Called on any thread;
  // may be empty.
  std::function<void(absl::string_view operation, bool ok, absl::Duration duration)> on_operation;
};

// Whether a git command connects to the upstream.
enum class GitReach { kLocal, kUpstream };

// Runs git against one upstream, as one account, in its own directory: for agents, which keep a
// bare mirror there, and for programs that clone and push a work tree. Git does not see this
// process's environment or the Git configuration of the host and the account; it may use only the
// upstream's protocol and a limited address space, runs no hooks, filters, pagers or credential
// helpers of others, never prompts, and reads configuration and credentials from files that the
// account cannot change. Thread-safe; commands that write to
// one repository must not run concurrently.
//
// To push a change:
//   UpstreamGit git(processes, directory, upstream, user);
//   auto account = git.Prepare(GitReach::kUpstream);
//   git.MakeWorkTree(*account);
//   git.Run("fetch", …, git.InWorkTree(*account, {"fetch", "--depth=1", "origin", "main"}), …);
//   … checkout, edit the files in git.paths().work_tree, add, commit, push.
class UpstreamGit {
 public:
  // Does not touch the disk. Prepare reports an unusable URL. `directory` is absolute; Prepare
  // creates it. `user`: see FindAccount.
  UpstreamGit(GitProcesses processes, const std::string& directory, UpstreamSpec upstream,
              std::string user);

  const std::string& name() const { return name_; }  // the URL, redacted
  const GitPaths& paths() const { return paths_; }
  // See FindAccount.
  absl::StatusOr<Account> account() const { return FindAccount(user_); }

  // Creates the directory, and writes Git's configuration and, for kUpstream, the current
  // credentials. Call it before every command: accounts and credential files change.
  // FAILED_PRECONDITION: the URL, the account or a credential file is unusable; NOT_FOUND: a file
  // upstream does not exist; other codes: errors of the disk.
  absl::StatusOr<Account> Prepare(GitReach reach);

  // Creates an empty repository with an empty work tree; an existing one is unchanged. Git converts
  // no line endings or encodings in it, whatever the repository's attributes say.
  absl::Status MakeWorkTree(const Account& account);

  // Commands for Run; set their time and size limits first. `arguments` start with git's own
  // options or the subcommand; "origin" is the upstream.
  Command InRepository(const Account& account, std::vector<std::string> arguments) const;
  Command InWorkTree(const Account& account, std::vector<std::string> arguments) const;
  // Uses no repository, so a damaged one does not matter.
  Command WithoutRepository(const Account& account, std::vector<std::string> arguments) const;

  // Runs one of these commands. `attempt` is the start of the error message, for example "fetching
  // main from https://h/x"; `operation` is passed to on_operation. Errors: those of
  // ProcessRunner::Run, and of StatusFromGit if git ran and failed.
  absl::StatusOr<CommandResult> Run(absl::string_view operation, absl::string_view attempt,
                                    const Command& command, GitReach reach) const;

  // Starts one of these commands for a conversation. Errors are those of ProcessRunner::Run.
  absl::StatusOr<std::unique_ptr<Conversation>> Converse(const Command& command) const;
  // What the end of such a command means; `attempt` and errors as for Run.
  absl::Status Explain(absl::string_view attempt, const CommandResult& ending,
                       GitReach reach) const;
  // Calls `run`, and on_operation afterwards.
  absl::Status Counted(absl::string_view operation, absl::FunctionRef<absl::Status()> run) const;

 private:
  Command Build(const Account& account, std::vector<std::string> options,
                std::vector<std::string> arguments) const;

  const GitProcesses processes_;
  const GitPaths paths_;
  const UpstreamSpec upstream_;
  const std::string user_;
  const std::string name_;
  const absl::StatusOr<UpstreamAccess> access_;
  const std::string ssh_command_;

  Mutex directory_mutex_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_UPSTREAM_GIT_H_
