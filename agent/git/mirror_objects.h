#ifndef GITOPS_AGENT_GIT_MIRROR_OBJECTS_H_
#define GITOPS_AGENT_GIT_MIRROR_OBJECTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/git/object_stream.h"
#include "agent/git/reader_pool.h"
#include "agent/git/tree_walk.h"
#include "common/git/commit.h"
#include "common/git/upstream_git.h"
#include "common/sync/mutex.h"

namespace gitops {

// The objects of one mirror, each verified against its id while it is read. Nothing is read that
// git would have to hold in memory and that is larger than any honest one. Thread-safe.
//
// Errors: DATA_LOSS: an object is missing, damaged or forged; FAILED_PRECONDITION: the commit has
// something that is refused; CANCELLED; RESOURCE_EXHAUSTED: git needed more than git_memory;
// DEADLINE_EXCEEDED; UNAVAILABLE: git cannot be run; NOT_FOUND, INTERNAL: git ended for a fault of
// the mirror that it does not explain; and those of UpstreamGit::Prepare.
class MirrorObjects {
 public:
  struct Timeouts {
    absl::Duration request = absl::Minutes(2);  // of what is small
    absl::Duration files = absl::Minutes(10);   // of the files of a revision
    absl::Duration idle = absl::Seconds(30);    // until a git that nobody asks ends
  };
  // `git` must outlive this.
  MirrorObjects(UpstreamGit* git, Timeouts timeouts);

  // Of each of `ids`; an empty type: the mirror does not have it.
  absl::StatusOr<std::vector<ObjectInfo>> Info(const std::vector<std::string>& ids,
                                               const std::stop_token& stop);
  // The id of the tree of `commit`.
  absl::StatusOr<std::string> TreeOf(const std::string& commit, const std::stop_token& stop);
  // What people see of `commit`.
  absl::StatusOr<CommitInfo> Commit(const std::string& commit, const std::stop_token& stop);
  // See ReadTrees.
  absl::Status Trees(const std::vector<std::string>& ids, VisitTree visit,
                     const std::stop_token& stop);
  // Blobs, to be verified like all others: see ObjectSink.
  absl::Status Blobs(const std::vector<std::string>& ids, ObjectSink* sink,
                     const std::stop_token& stop);

  // The files of the mirror are about to be replaced, or were. See ReaderPool.
  void Retire() { readers_.Retire(); }

 private:
  using Content = std::shared_ptr<const std::string>;

  absl::StatusOr<std::unique_ptr<ObjectReader>> StartReader();
  absl::Status With(const std::stop_token& stop,
                    absl::FunctionRef<absl::Status(ObjectReader&, int cancel)> use);
  absl::Status ReadSmall(absl::string_view type, int64_t max_size,
                         const std::vector<std::string>& ids, VisitTree visit,
                         const std::stop_token& stop);
  Content Cached(const std::string& id);
  void Cache(const std::string& id, std::string content);

  UpstreamGit* const git_;
  const Timeouts timeouts_;
  ReaderPool readers_;
  Mutex cache_mutex_;
  // Verified commits and trees by id: services of one mirror share the way to their links.
  std::map<std::string, Content> cache_ ABSL_GUARDED_BY(cache_mutex_);
  size_t cache_bytes_ ABSL_GUARDED_BY(cache_mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_OBJECTS_H_
