#ifndef GITOPS_COMMON_GIT_UPSTREAM_GIT_H_
#define GITOPS_COMMON_GIT_UPSTREAM_GIT_H_

#include <functional>
#include <string>
#include <vector>

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
  ProcessRunner* runner = nullptr;  // outlives its users
  Clock* clock = Clock::System();
  // Called after every git process: its subcommand, whether it succeeded, how long it took. From
  // any thread; may be empty.
  std::function<void(absl::string_view operation, bool ok, absl::Duration duration)> on_operation;
};

// Whether a git command talks to the upstream.
enum class GitReach { kLocal, kUpstream };

// Runs git against one upstream, as one account, in a directory of its own. Both agents, which keep
// a bare mirror there, and programs that clone and push a work tree use it. Git sees nothing of
// this process's environment, of the host's Git configuration or of the account's; it may use only
// the upstream's protocol, runs no hook, filter, credential helper or pager, never prompts, and
// gets credentials by files that only the account can read. Thread-safe; commands that write to one
// repository must not run at the same time.
//
// To push a change:
//   UpstreamGit git(processes, directory, upstream, user);
//   auto account = git.Prepare(GitReach::kUpstream);
//   git.MakeWorkTree(*account);
//   git.Run("fetch", …, git.InWorkTree(*account, {"fetch", "--depth=1", "origin", "main"}), …);
//   … checkout, edit the files in git.paths().work_tree, add, commit, push.
class UpstreamGit {
 public:
  // Touches nothing on disk. A URL that cannot be used is reported by Prepare. `directory` is
  // absolute; Prepare creates it. `user`: see FindAccount.
  UpstreamGit(GitProcesses processes, const std::string& directory, UpstreamSpec upstream,
              std::string user);

  const std::string& name() const { return name_; }  // the URL, redacted
  const GitPaths& paths() const { return paths_; }
  // See FindAccount.
  absl::StatusOr<Account> account() const { return FindAccount(user_); }

  // Creates the directory, and writes Git's configuration and, for kUpstream, credentials as they
  // must be now. Call it before every command: accounts and credential files change.
  // FAILED_PRECONDITION: the URL, the account or a credential file cannot be used; NOT_FOUND: a
  // file upstream does not exist; otherwise errors of the disk.
  absl::StatusOr<Account> Prepare(GitReach reach);

  // Creates an empty repository with an empty work tree; existing ones stay as they are. Git
  // converts no line endings or encodings in it, whatever the repository's attributes say.
  absl::Status MakeWorkTree(const Account& account);

  // Commands, to be given time and size limits and then to Run. `arguments` begin with git's own
  // options or the subcommand; "origin" is the upstream.
  Command InRepository(const Account& account, std::vector<std::string> arguments) const;
  Command InWorkTree(const Account& account, std::vector<std::string> arguments) const;
  // Sees no repository, so a damaged one does not matter.
  Command WithoutRepository(const Account& account, std::vector<std::string> arguments) const;

  // Runs one of these commands. `attempt` begins the error message, as in "fetching main from
  // https://h/x"; `operation` is what on_operation is told. Errors: as ProcessRunner::Run's, and
  // StatusFromGit's where git ran and failed.
  absl::StatusOr<CommandResult> Run(absl::string_view operation, absl::string_view attempt,
                                    const Command& command, GitReach reach) const;

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
