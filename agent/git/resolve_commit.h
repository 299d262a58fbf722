#ifndef GITOPS_AGENT_GIT_RESOLVE_COMMIT_H_
#define GITOPS_AGENT_GIT_RESOLVE_COMMIT_H_

#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/mirror.h"
#include "agent/revision/revision.h"

namespace gitops {

// The commit that starts with `prefix`: on this host, or else in the upstream, of which new commits
// are fetched, also of `branch`. Errors are those of Source::Resolve.
absl::StatusOr<std::string> ResolveCommit(GitMirror& mirror, const RevisionStore& store,
                                          const std::string& branch, absl::string_view prefix,
                                          const std::stop_token& stop);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_RESOLVE_COMMIT_H_
