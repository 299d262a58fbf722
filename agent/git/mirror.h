#ifndef GITOPS_AGENT_GIT_MIRROR_H_
#define GITOPS_AGENT_GIT_MIRROR_H_

#include <cstdint>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/git.h"
#include "agent/git/object_stream.h"
#include "agent/git/tree.h"
#include "agent/source/source.h"
#include "common/git/account.h"
#include "common/git/commit.h"
#include "common/git/upstream.h"

namespace gitops {

// The bare partial mirror of one upstream, for one user. Created on first use, and recreated when
// it is damaged: a fetch restores everything in it. Thread-safe; fetches are serialized, and a
// fetch whose commit was fetched meanwhile does nothing. All methods with a `stop` end with
// CANCELLED when it is requested.
//
// The mirror belongs to the user, who may have put anything there: what is read is verified against
// its id, commits and trees included.
//
// Errors of all methods are those of Upstream::Newest, and: DATA_LOSS: the mirror is damaged, or
// something in it is not what its id says (see Repair); NOT_FOUND: no such commit;
// RESOURCE_EXHAUSTED: a limit or the disk.
class GitMirror : public Upstream {
 public:
  // The account that runs git now; see FindAccount.
  virtual absl::StatusOr<Account> account() const = 0;

  // Fetches `commit` with its trees. `branch` is the branch on which it was found; empty: unknown.
  virtual absl::Status FetchCommit(const std::string& branch, const std::string& commit,
                                   const std::stop_token& stop) = 0;
  // Fetches blobs in one request; `max_bytes` is for all of them together.
  virtual absl::Status FetchBlobs(const std::vector<std::string>& ids, int64_t max_bytes,
                                  const std::stop_token& stop) = 0;

  // Local methods: the objects that they need must have been fetched.

  // The entries of `commit` at and beneath `links`, without directories, ordered by path.
  virtual absl::StatusOr<std::vector<TreeEntry>> List(const std::string& commit,
                                                      const std::vector<std::string>& links,
                                                      int64_t max_files,
                                                      const std::stop_token& stop) = 0;
  // What people see of a commit.
  virtual absl::StatusOr<CommitInfo> Commit(const std::string& commit,
                                            const std::stop_token& stop) = 0;
  // What the mirror says of each object: not verified.
  virtual absl::StatusOr<std::vector<ObjectInfo>> Info(const std::vector<std::string>& ids,
                                                       const std::stop_token& stop) = 0;
  virtual absl::Status ReadBlobs(const std::vector<std::string>& ids, ObjectSink* sink,
                                 const std::stop_token& stop) = 0;
  // The full names of all commits that start with `prefix`.
  virtual absl::StatusOr<std::vector<std::string>> CommitsWithPrefix(
      absl::string_view prefix, const std::stop_token& stop) = 0;

  // The branches that Newest has found so far.
  virtual std::set<std::string> Followed() const = 0;

  // Counts how often the mirror was removed.
  virtual int64_t incarnation() const = 0;
  // Deletes the mirror, unless that happened since it had this incarnation; the next fetch creates
  // a new one.
  virtual absl::Status Repair(int64_t incarnation, const std::stop_token& stop) = 0;
  // Combines many small packs into one. Cheap if there are few.
  virtual void Maintain(const std::stop_token& stop) = 0;
};

// `directory`: the directory of the mirror, which need not exist yet.
std::shared_ptr<GitMirror> NewGitMirror(const GitOptions& options, std::string directory,
                                        const UpstreamSpec& spec, const std::string& user);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_H_
