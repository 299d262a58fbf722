#ifndef GITOPS_AGENT_REVISION_REVISION_WRITER_H_
#define GITOPS_AGENT_REVISION_REVISION_WRITER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/revision/revision.h"
#include "agent/revision/revision_directory.h"
#include "common/path/fd.h"

namespace gitops {

// What a writer needs from its store; see RevisionStore::Write.
struct WriterPlace {
  ServiceDirectory service;
  std::string revision;
  int64_t sequence = 0;
  std::function<void()> on_finish;  // called once the revision is complete
};

// A revision being written, which only root can reach. Destroyed without Finish: removed. Not
// thread-safe. See RevisionStore::Write.
class RevisionWriter {
 public:
  static absl::StatusOr<std::unique_ptr<RevisionWriter>> Begin(WriterPlace place);
  ~RevisionWriter();
  RevisionWriter(const RevisionWriter&) = delete;
  RevisionWriter& operator=(const RevisionWriter&) = delete;

  // The open directory to write to (`tree`), owned by root until Finish.
  int directory() const { return tree_.get(); }
  // Adds an entry that was written; Finish fills in the stat fields.
  void Add(ManifestEntry entry) { manifest_.entries.push_back(std::move(entry)); }
  // Sets what the revision covers; see Manifest::covers.
  void Cover(std::vector<std::string> covers) { manifest_.covers = std::move(covers); }
  // Changes the owner to uid and gid (-1: unchanged) and gives it its name. It is ready, and
  // flushed to the disk afterwards (StoreAccess::kMounts), or by RevisionStore::Publishable.
  absl::Status Finish(int64_t uid, int64_t gid);
  // The directory that Finish made.
  const std::string& name() const { return name_; }

 private:
  // The descriptors of the service's directory, and of the revision's and its `tree`.
  RevisionWriter(WriterPlace place, Fd root, Fd wrapper, Fd tree);

  absl::Status Failed(int error, absl::string_view what, absl::string_view path) const;
  absl::Status HandOverFiles(int64_t uid, int64_t gid);
  absl::Status HandOverFile(int directory, const std::string& name, int64_t uid, int64_t gid,
                            ManifestEntry* entry) const;
  absl::Status HandOverDirectories(int64_t uid, int64_t gid);
  absl::Status HandOverDirectory(int directory, int64_t uid, int64_t gid,
                                 absl::string_view path) const;
  absl::Status WriteManifest() const;

  const WriterPlace place_;
  const std::string draft_, name_;
  const Fd root_, wrapper_, tree_;
  Manifest manifest_;
  bool finished_ = false;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_WRITER_H_
