#ifndef GITOPS_COMMON_API_COMPARED_REVISION_H_
#define GITOPS_COMMON_API_COMPARED_REVISION_H_

#include "absl/status/status.h"
#include "gitops/v1/agent.pb.h"

namespace gitops {

// UNIMPLEMENTED: the request names another revision, and the agent does not know that field: it
// compared the files with those of the published revision. Every caller of DiffService checks this,
// since "no differences" would then say nothing about the other revision.
inline absl::Status CheckComparedRevision(const v1::DiffServiceRequest& request,
                                          const v1::DiffServiceResponse& response) {
  if (!request.has_to_hash() || response.has_to_commit()) return absl::OkStatus();
  return absl::UnimplementedError(
      "the agent is too old to compare with another commit; upgrade it");
}

}  // namespace gitops

#endif  // GITOPS_COMMON_API_COMPARED_REVISION_H_
