#ifndef GITOPS_AGENT_REVISION_REVISION_WRITER_H_
#define GITOPS_AGENT_REVISION_REVISION_WRITER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/revision/revision.h"

namespace gitops {

// What a writer needs from its store; see RevisionStore::Write.
struct WriterPlace {
  int root_fd = -1;  // of the store, which must outlive the writer
  std::string root;  // the same as a path, for messages
  std::string revision;
  int64_t sequence = 0;
  std::function<void()> on_finish;  // called once the revision is complete
};

// File names in a store's directory.
inline constexpr char kNewPrefix[] = ".new-";
inline constexpr char kOldPrefix[] = ".old-";
inline constexpr char kManifestSuffix[] = ".manifest";

absl::StatusOr<std::unique_ptr<RevisionStore::Writer>> NewRevisionWriter(WriterPlace place);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_WRITER_H_
