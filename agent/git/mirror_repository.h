#ifndef GITOPS_AGENT_GIT_MIRROR_REPOSITORY_H_
#define GITOPS_AGENT_GIT_MIRROR_REPOSITORY_H_

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/git/git.h"
#include "common/git/account.h"
#include "common/git/upstream_git.h"

namespace gitops {

// What changes the bare partial repository of a mirror. Not thread-safe: see Turn. Fetches end with
// CANCELLED when a stop is requested. Errors as for GitMirror.
class MirrorRepository {
 public:
  // `git` and the runner of `options` must outlive this.
  MirrorRepository(const GitOptions& options, UpstreamGit* git) : options_(options), git_(git) {}

  // May be called at any time.
  bool Exists() const;
  int PackCount() const;

  // Creates it if there is none that the account can use. `fresh`: it is empty.
  absl::Status Make(const Account& account, size_t id_length, bool* fresh);
  // Fetches the commit by its id, which needs no list of branches and cannot return another commit;
  // from the upstream, with its trees.
  absl::Status FetchCommit(const Account& account, const std::string& branch,
                           const std::string& commit, bool fresh, const std::stop_token& stop);
  // Fetches `branch` instead, for servers that refuse to be asked for a commit.
  absl::Status FetchBranch(const Account& account, const std::string& branch, bool fresh,
                           const std::stop_token& stop);
  absl::Status FetchBlobs(const Account& account, const std::vector<std::string>& ids,
                          int64_t max_bytes, const std::stop_token& stop);
  // Combines all packs into one.
  void Repack(const Account& account, const std::stop_token& stop);
  absl::Status Remove();

 private:
  Command Fetching(const Account& account, std::vector<std::string> arguments) const;
  Command FetchCommand(const Account& account, const std::string& wanted, const std::string& branch,
                       bool fresh) const;
  absl::Status Fetch(const Account& account, const std::string& attempt, Command command,
                     const std::stop_token& stop);
  absl::Status CheckDamage(const Account& account, absl::Status failure,
                           const std::stop_token& stop);
  absl::Status Check(const Account& account, std::vector<std::string> arguments,
                     const std::stop_token& stop);
  std::vector<std::string> PackIndexes() const;
  int64_t Owner() const;  // -1: not known
  void RemoveRests(const Account& account);

  const GitOptions& options_;
  UpstreamGit* const git_;
  // Whether a writer may have been killed; initially true for an earlier process.
  bool suspect_ = true;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_REPOSITORY_H_
