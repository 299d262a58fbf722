#ifndef GITOPS_AGENT_REVISION_REVISION_WRITER_H_
#define GITOPS_AGENT_REVISION_REVISION_WRITER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/revision/revision.h"
#include "agent/revision/revision_directory.h"

namespace gitops {

// What a writer needs from its store; see RevisionStore::Write.
struct WriterPlace {
  ServiceDirectory service;
  std::string revision;
  int64_t sequence = 0;
  std::function<void()> on_finish;  // called once the revision is complete
};

absl::StatusOr<std::unique_ptr<RevisionStore::Writer>> NewRevisionWriter(WriterPlace place);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_WRITER_H_
