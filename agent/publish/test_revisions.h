#ifndef GITOPS_AGENT_PUBLISH_TEST_REVISIONS_H_
#define GITOPS_AGENT_PUBLISH_TEST_REVISIONS_H_

#include <map>
#include <string>

#include "agent/revision/revision.h"

namespace gitops {

// Writes (again) a prepared revision with these files (a value "-> X" is a symlink to X) into the
// store. Fails the test if it cannot.
void WriteTestRevision(RevisionStore& store, const std::string& revision,
                       const std::map<std::string, std::string>& files);

// The same on the disk in the former layout, for a store that is opened afterwards.
void WriteFormerRevision(RevisionStore& store, const std::string& revision, int sequence,
                         const std::map<std::string, std::string>& files);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TEST_REVISIONS_H_
