#ifndef GITOPS_AGENT_GIT_COVERS_H_
#define GITOPS_AGENT_GIT_COVERS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/revision/revision.h"
#include "common/config/fleet.h"
#include "common/git/commit.h"

namespace gitops {

// What the manifest of a revision says that it covers, besides its files: Manifest::covers.

// The places of a service. A revision that lacks less of `left_out`, or more, is another one.
std::vector<std::string> CoversOf(const std::vector<DirectorySpec>& directories,
                                  const std::vector<std::string>& left_out);

// What people see of the commit, kept there for a restart. CommitIn: no hash, if it is not there.
std::string CommitCover(const CommitInfo& commit);
CommitInfo CommitIn(const std::string& revision, const Manifest& manifest);

// The path of a pointer of git LFS, and what people are told of it; empty: there is none.
std::string LfsCover(absl::string_view path);
std::string LfsRemark(const Manifest& manifest);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_COVERS_H_
