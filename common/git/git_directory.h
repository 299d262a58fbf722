#ifndef GITOPS_COMMON_GIT_GIT_DIRECTORY_H_
#define GITOPS_COMMON_GIT_GIT_DIRECTORY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/git/account.h"

namespace gitops {

// The layout of the directory in which git runs for one upstream. This process owns everything
// except `repository` and `work_tree`, which belong to the account, so it never opens a path that
// the account could have replaced.
struct GitPaths {
  explicit GitPaths(const std::string& directory);

  std::string directory;
  std::string repository;  // bare, or the .git directory of `work_tree`
  std::string work_tree;
  std::string config;              // all of git's configuration; read-only
  std::string credentials;         // for git credential-store; empty file: none
  std::string home;                // HOME; empty
  std::string work_tree_template;  // for git init; only with a work tree
};

// Creates the directory and HOME. FAILED_PRECONDITION: the account cannot enter it.
absl::Status MakeGitDirectory(const GitPaths& paths, const Account& account);

// Creates the template from which `git init` makes a repository whose info/attributes has
// `attributes`.
absl::Status MakeTemplate(const GitPaths& paths, absl::string_view attributes,
                          const Account& account);

enum class FileFor { kEverybody, kAccount };

// Writes a file that belongs to this process and that nobody can write, unless it exists with this
// content: mode 0444, or for the account only 0440 with its group (0400 if it is this process's
// own), of which an access list admits the account alone, where the file system has those. Atomic:
// a reader sees the old content or the new.
absl::Status WriteOwnFile(const std::string& path, absl::string_view content, FileFor readers,
                          const Account& account);

// Creates an empty directory that belongs to the account; changes the owner of an existing one.
absl::Status MakeAccountDirectory(const std::string& path, const Account& account);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_GIT_DIRECTORY_H_
