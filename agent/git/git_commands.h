#ifndef GITOPS_AGENT_GIT_GIT_COMMANDS_H_
#define GITOPS_AGENT_GIT_GIT_COMMANDS_H_

#include <string>
#include <utility>
#include <vector>

#include "agent/git/account.h"
#include "common/process/process.h"

namespace gitops {

// Where one mirror and what belongs to it lies.
struct MirrorPaths {
  explicit MirrorPaths(const std::string& directory);

  std::string directory;   // the agent's
  std::string repository;  // bare; the account's
  std::string config;      // all of git's configuration; read-only
  std::string home;        // HOME, for .netrc
};

// Builds every git command the agent runs: nothing of the agent's environment, of the host's git
// configuration or of the account's is seen by it.
class GitCommands {
 public:
  GitCommands(MirrorPaths paths, std::string scheme, std::string ssh_command)
      : paths_(std::move(paths)),
        scheme_(std::move(scheme)),
        ssh_command_(std::move(ssh_command)) {}

  // A command that only sees the mirror: missing objects are missing.
  Command Local(const Account& account, std::vector<std::string> arguments) const;
  // One that needs no mirror and so does not suffer from a damaged one.
  Command Outside(const Account& account, std::vector<std::string> arguments) const;
  // One that may bring objects from the upstream, and may leave out what a filter names.
  Command Remote(const Account& account, std::vector<std::string> arguments) const;

 private:
  Command Build(const Account& account, const std::string& repository,
                std::vector<std::string> options, std::vector<std::string> arguments) const;

  const MirrorPaths paths_;
  const std::string scheme_;
  const std::string ssh_command_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_GIT_COMMANDS_H_
