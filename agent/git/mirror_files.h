#ifndef GITOPS_AGENT_GIT_MIRROR_FILES_H_
#define GITOPS_AGENT_GIT_MIRROR_FILES_H_

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/git/mirror.h"
#include "agent/git/tree.h"

namespace gitops {

// Local requests for a fetched commit fail only if the mirror is damaged: DATA_LOSS then.
absl::Status OfMirror(const absl::Status& status);

std::vector<std::string> OidsOf(const std::vector<TreeEntry>& entries);

// Makes sure that the mirror has all files, and that they have at most `max_bytes` together, before
// any is written. DATA_LOSS: the mirror is damaged.
absl::Status FetchFiles(GitMirror& mirror, const std::vector<TreeEntry>& entries, int64_t max_bytes,
                        const std::stop_token& stop);

// See Source::Contents.
absl::StatusOr<std::map<std::string, std::string>> ReadTexts(GitMirror& mirror,
                                                             const std::set<std::string>& ids,
                                                             int64_t most_each, int64_t most_all,
                                                             const std::stop_token& stop);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_FILES_H_
