#ifndef GITOPS_AGENT_GIT_MIRROR_H_
#define GITOPS_AGENT_GIT_MIRROR_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/git.h"
#include "agent/git/interruption.h"
#include "agent/git/tree_listing.h"
#include "agent/source/source.h"
#include "common/git/account.h"
#include "common/git/upstream.h"

namespace gitops {

// The bare partial mirror of one upstream, as one user. Made when it is first needed, and again
// whenever it turns out damaged: nothing in it is worth more than a fetch. Any thread; fetches are
// serialized, and one that finds its commit fetched meanwhile does nothing. They end with CANCELLED
// when their `interruption` (null: none) is raised.
//
// Errors of all methods are as Upstream::Newest's, and: DATA_LOSS: the mirror is damaged (see
// Repair); NOT_FOUND: the commit is not there; RESOURCE_EXHAUSTED: a limit or the disk.
class GitMirror : public Upstream {
 public:
  // The account that git runs as now; see FindAccount.
  virtual absl::StatusOr<Account> account() const = 0;

  // Brings `commit` with its trees. `branch` is where it was seen; empty: unknown.
  virtual absl::Status FetchCommit(const std::string& branch, const std::string& commit,
                                   const Interruption* interruption) = 0;
  // Brings blobs in one exchange; `max_bytes` for all of them together.
  virtual absl::Status FetchBlobs(const std::vector<std::string>& oids, int64_t max_bytes,
                                  const Interruption* interruption) = 0;

  // The local ones ask nobody; what they need must have been fetched.

  // What `commit` has at and beneath `links`, not directories themselves.
  virtual absl::StatusOr<std::vector<TreeEntry>> List(const std::string& commit,
                                                      const std::vector<std::string>& links,
                                                      int64_t max_files) = 0;
  // Writes `git cat-file --batch` of `oids` to `output`.
  virtual absl::Status ReadBlobs(const std::vector<std::string>& oids,
                                 std::function<absl::Status(absl::string_view)> output) = 0;
  // Entries of the top directory that differ between two commits (no deeper, so that no tree is
  // unfolded for it); remembered, because every service asks.
  // RESOURCE_EXHAUSTED: too many to be worth listing.
  using Paths = std::shared_ptr<const std::vector<std::string>>;
  virtual absl::StatusOr<Paths> ChangedPaths(const std::string& a, const std::string& b) = 0;
  // The full names of all commits that begin with `prefix`.
  virtual absl::StatusOr<std::vector<std::string>> CommitsWithPrefix(absl::string_view prefix) = 0;

  // The branches that were found by Newest so far.
  virtual std::set<std::string> Followed() const = 0;

  // Throws the mirror away; the next fetch makes it anew.
  virtual absl::Status Repair(const Interruption* interruption) = 0;
  // Puts many small packs into one. Cheap where there are few.
  virtual void Maintain() = 0;
};

// The directory, beneath a driver's own, of the mirror for these.
std::string MirrorName(const UpstreamSpec& spec, const std::string& user);

// `directory`: where the mirror lies or shall lie.
std::shared_ptr<GitMirror> NewGitMirror(const GitOptions& options, std::string directory,
                                        const UpstreamSpec& spec, const std::string& user);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_H_
