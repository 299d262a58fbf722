#ifndef GITOPS_AGENT_GIT_GIT_SOURCE_H_
#define GITOPS_AGENT_GIT_GIT_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "agent/git/mirror.h"
#include "agent/revision/revision.h"
#include "agent/source/source.h"
#include "common/config/fleet.h"

namespace gitops {

// A source whose revisions in `store` have the files that a service needs from commits of a mirror.
// `left_out`: see GitDriver::SourceFor.
std::unique_ptr<Source> NewGitSource(ServiceSpec service, std::shared_ptr<GitMirror> mirror,
                                     std::shared_ptr<RevisionStore> store,
                                     std::vector<std::string> left_out);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_GIT_SOURCE_H_
