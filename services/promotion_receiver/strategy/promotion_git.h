#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PROMOTION_GIT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PROMOTION_GIT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/git/upstream_git.h"

namespace gitops {

// The author and committer of promotions. Commits with another committer are somebody else's.
inline constexpr char kPromotionAuthor[] = "Promotion Server";
inline constexpr char kPromotionEmail[] = "promotion-server@gitops.invalid";
// The trailer of their messages.
inline constexpr char kPromotionTrailer[] = "Promotion-Id";

// A regular file of a commit.
struct CommitFile {
  std::string mode, blob, path;
  int64_t size = 0;
};

struct CommitInfo {
  std::string tree;
  std::vector<std::string> parents;
  std::string committer;  // "NAME <EMAIL>"
  std::string message;

  bool IsPromotion() const;
};

// The git commands of a pull request, in an empty directory of its own. Nothing is checked out:
// files are read from and written to git's objects, so that no path, symlink or attribute of the
// repository reaches the file system. Errors are those of UpstreamGit; CANCELLED: given up.
class PromotionGit {
 public:
  PromotionGit(GitProcesses processes, const std::string& directory, UpstreamSpec upstream,
               std::function<bool()> give_up);

  struct Tips {
    std::string base;
    std::optional<std::string> branch;  // none: it does not exist
  };
  // Fetches the tips of the two branches, without history. NOT_FOUND: there is no base branch.
  // UNAVAILABLE also: there is no branch at all.
  absl::StatusOr<Tips> Fetch(const std::string& base, const std::string& branch);

  absl::StatusOr<CommitInfo> ReadCommit(const std::string& commit) const;
  absl::StatusOr<std::vector<CommitFile>> ListFiles(const std::string& commit) const;
  // The contents, in the order of `files`, which have at most 32 MiB together.
  absl::StatusOr<std::vector<std::string>> ReadFiles(const std::vector<CommitFile>& files) const;
  // The tree of `commit` with other contents of some of its files.
  struct Change {
    CommitFile file;
    std::string content;
  };
  absl::StatusOr<std::string> WriteTree(const std::string& commit,
                                        const std::vector<Change>& changes) const;
  // The same arguments make the same commit.
  absl::StatusOr<std::string> WriteCommit(const std::string& tree, const std::string& parent,
                                          const std::string& message, absl::Time time) const;
  // Moves the branch to `commit` if its tip is still `expected` (none: it does not exist). ABORTED:
  // it is not. FAILED_PRECONDITION: the remote refuses it.
  absl::Status Push(const std::string& commit, const std::string& branch,
                    const std::optional<std::string>& expected);

 private:
  absl::StatusOr<std::string> Run(GitReach reach, absl::string_view attempt, Command command) const;
  absl::StatusOr<std::string> RunLocal(absl::string_view attempt,
                                       std::vector<std::string> arguments,
                                       std::string input = "") const;
  absl::StatusOr<std::string> RunRemote(absl::string_view attempt,
                                        std::vector<std::string> arguments);

  UpstreamGit git_;
  const std::function<bool()> give_up_;
  Account account_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PROMOTION_GIT_H_
