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

// The bare partial mirror of one upstream, for one user. Created on first use, and recreated when
// it is damaged: a fetch restores everything in it. Thread-safe; fetches are serialized, and a
// fetch whose commit was fetched meanwhile does nothing. They end with CANCELLED when their
// `interruption` (null: none) is raised.
//
// Errors of all methods are those of Upstream::Newest, and: DATA_LOSS: the mirror is damaged (see
// Repair); NOT_FOUND: no such commit; RESOURCE_EXHAUSTED: a limit or the disk.
class GitMirror : public Upstream {
 public:
  // The account that runs git now; see FindAccount.
  virtual absl::StatusOr<Account> account() const = 0;

  // Fetches `commit` with its trees. `branch` is the branch on which it was found; empty: unknown.
  virtual absl::Status FetchCommit(const std::string& branch, const std::string& commit,
                                   const Interruption* interruption) = 0;
  // Fetches blobs in one request; `max_bytes` is for all of them together.
  virtual absl::Status FetchBlobs(const std::vector<std::string>& oids, int64_t max_bytes,
                                  const Interruption* interruption) = 0;

  // Local methods: the objects that they need must have been fetched.

  // The entries of `commit` at and beneath `links`, without directories.
  virtual absl::StatusOr<std::vector<TreeEntry>> List(const std::string& commit,
                                                      const std::vector<std::string>& links,
                                                      int64_t max_files) = 0;
  // Writes `git cat-file --batch` of `oids` to `output`.
  virtual absl::Status ReadBlobs(const std::vector<std::string>& oids,
                                 std::function<absl::Status(absl::string_view)> output) = 0;
  // Entries of the top directory that differ between two commits (no deeper, so that no tree is
  // expanded); cached, because every service needs them. RESOURCE_EXHAUSTED: too many to be worth
  // listing.
  using Paths = std::shared_ptr<const std::vector<std::string>>;
  virtual absl::StatusOr<Paths> ChangedPaths(const std::string& a, const std::string& b) = 0;
  // The full names of all commits that start with `prefix`.
  virtual absl::StatusOr<std::vector<std::string>> CommitsWithPrefix(absl::string_view prefix) = 0;

  // The branches that Newest has found so far.
  virtual std::set<std::string> Followed() const = 0;

  // Deletes the mirror; the next fetch creates a new one.
  virtual absl::Status Repair(const Interruption* interruption) = 0;
  // Combines many small packs into one. Cheap if there are few.
  virtual void Maintain() = 0;
};

// The directory of the mirror for these, in the driver's directory.
std::string MirrorName(const UpstreamSpec& spec, const std::string& user);

// `directory`: the directory of the mirror, which need not exist yet.
std::shared_ptr<GitMirror> NewGitMirror(const GitOptions& options, std::string directory,
                                        const UpstreamSpec& spec, const std::string& user);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_H_
