#ifndef GITOPS_AGENT_GIT_MIRROR_H_
#define GITOPS_AGENT_GIT_MIRROR_H_

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/git.h"
#include "agent/git/mirror_objects.h"
#include "agent/git/mirror_repository.h"
#include "agent/git/object_stream.h"
#include "agent/git/tree.h"
#include "agent/git/tree_walk.h"
#include "agent/git/turn.h"
#include "agent/source/source.h"
#include "common/git/account.h"
#include "common/git/commit.h"
#include "common/git/upstream.h"
#include "common/git/upstream_git.h"
#include "common/sync/mutex.h"

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
class GitMirror final : public Upstream {
 public:
  // `directory`: the directory of the mirror, which need not exist yet. The runner of `options`
  // must outlive the mirror.
  GitMirror(const GitOptions& options, std::string directory, UpstreamSpec spec, std::string user);

  std::string name() const override { return git_.name(); }
  using Upstream::Newest;
  absl::StatusOr<Tips> Newest(const std::set<std::string>& refs, std::stop_token stop) override;
  absl::StatusOr<std::set<std::string>> Touched(const std::string& ref, const std::string& from,
                                                const std::string& to,
                                                const std::set<std::string>& paths,
                                                std::stop_token stop) override;
  absl::StatusOr<CommitInfo> Describe(const std::string& ref, const std::string& revision,
                                      std::stop_token stop) override;

  // The account that runs git now; see FindAccount.
  absl::StatusOr<Account> account() const;

  // Fetches `commit` with its trees. `branch` is the branch on which it was found; empty: unknown.
  absl::Status FetchCommit(const std::string& branch, const std::string& commit,
                           const std::stop_token& stop);
  // Fetches blobs in one request; `max_bytes` is for all of them together.
  absl::Status FetchBlobs(const std::vector<std::string>& ids, int64_t max_bytes,
                          const std::stop_token& stop);

  // Local methods: the objects that they need must have been fetched.

  // The entries of `commit` at and beneath `links`, without directories, ordered by path.
  absl::StatusOr<std::vector<TreeEntry>> List(const std::string& commit,
                                              const std::vector<std::string>& links,
                                              int64_t max_files, const std::stop_token& stop);
  // What people see of a commit.
  absl::StatusOr<CommitInfo> Commit(const std::string& commit, const std::stop_token& stop);
  // What the mirror says of each object: not verified.
  absl::StatusOr<std::vector<ObjectInfo>> Info(const std::vector<std::string>& ids,
                                               const std::stop_token& stop);
  absl::Status ReadBlobs(const std::vector<std::string>& ids, ObjectSink* sink,
                         const std::stop_token& stop);
  // The full names of all commits that start with `prefix`.
  absl::StatusOr<std::vector<std::string>> CommitsWithPrefix(absl::string_view prefix,
                                                             const std::stop_token& stop);

  // The branches that Newest has found so far.
  std::set<std::string> Followed() const;

  // Counts how often the mirror was removed.
  int64_t incarnation() const;
  // Deletes the mirror, unless that happened since it had this incarnation; the next fetch creates
  // a new one.
  absl::Status Repair(int64_t incarnation, const std::stop_token& stop);
  // Combines many small packs into one. Cheap if there are few.
  void Maintain(const std::stop_token& stop);

 private:
  ReadTrees TreesUntil(const std::stop_token& stop);
  absl::StatusOr<std::set<std::string>> Changed(const std::string& ref, const std::string& from,
                                                const std::string& to,
                                                const std::set<std::string>& paths,
                                                const std::stop_token& stop);
  bool IsKnown(const std::string& commit);
  void NoteKnown(const std::string& commit);
  bool IsNewTip(const std::string& commit);
  // A failure before git runs counts as a failed operation too.
  absl::Status CountFailure(absl::string_view operation, const absl::Status& status) const;
  absl::Status FetchUnknown(const std::string& branch, const std::string& commit,
                            const std::stop_token& stop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  absl::Status FetchFrom(const Account& account, const std::string& branch,
                         const std::string& commit, bool fresh, const std::stop_token& stop)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  // Whether the mirror has the commit and its tree.
  absl::StatusOr<bool> Has(const std::string& commit, const std::stop_token& stop);
  absl::Status Remove() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  absl::Status Stopped() const;

  const GitOptions options_;
  UpstreamGit git_;
  MirrorObjects objects_;
  Turn turn_;  // held while git writes to the repository
  MirrorRepository repository_;

  mutable Mutex state_mutex_;
  std::set<std::string> known_ ABSL_GUARDED_BY(state_mutex_);  // commits that are in the mirror
  std::set<std::string> tips_ ABSL_GUARDED_BY(state_mutex_);   // from the newest poll, not fetched
  std::set<std::string> followed_ ABSL_GUARDED_BY(state_mutex_);
  int64_t incarnation_ ABSL_GUARDED_BY(state_mutex_) = 0;
  // By two commits: whether a path differs between them.
  std::map<std::pair<std::string, std::string>, std::map<std::string, bool>> changes_
      ABSL_GUARDED_BY(state_mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_H_
