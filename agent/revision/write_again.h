#ifndef GITOPS_AGENT_REVISION_WRITE_AGAIN_H_
#define GITOPS_AGENT_REVISION_WRITE_AGAIN_H_

#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "agent/revision/revision.h"

namespace gitops {

// Writes the revision of `directory` once more, from its tracked files, without a mirror. Its user
// may change them meanwhile: each is verified by its hash while it is read. Returns the new
// directory, which has no untracked file. DATA_LOSS: a file is not as it was written; CANCELLED;
// others by errno.
absl::StatusOr<std::string> WriteAgain(RevisionStore& store, const std::string& directory,
                                       int64_t uid, int64_t gid, const std::stop_token& stop);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_WRITE_AGAIN_H_
