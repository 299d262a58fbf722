#ifndef GITOPS_AGENT_PUBLISH_CARRY_RULES_H_
#define GITOPS_AGENT_PUBLISH_CARRY_RULES_H_

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/revision/revision.h"

namespace gitops {

// The tracked files below one `link` of a revision, and the directories that hold them, relative
// to it.
struct TrackedPaths {
  std::set<std::string> files;
  std::set<std::string> directories;

  static TrackedPaths Of(const Manifest& manifest, absl::string_view link);
};

// Whose a path is, in the revision that is published and in the next one. Paths are relative to the
// place.
class CarryRules {
 public:
  // `excluded`: where other places are mounted or linked. `revisions`: the directory that holds the
  // revisions; may be empty.
  CarryRules(TrackedPaths from, TrackedPaths to, const std::vector<std::string>& excluded,
             std::string revisions);

  // Whether it is not an untracked file of the published revision. `name`: the last of `path`.
  bool IsLeftOut(const std::string& path, absl::string_view name) const;
  // Whether a directory of the published revision holds tracked files or other places, rather than
  // being the service's own.
  bool IsMadeToHoldOthers(const std::string& path) const;
  // Whether the next revision needs the path for itself, so that nothing is carried over to it.
  bool IsRepositorys(const std::string& path, bool directory) const;
  // Whether a file of the next revision is tracked or belongs to another place.
  bool IsNotOfService(const std::string& path) const;
  // The same for a directory: it holds such files.
  bool HoldsOthersNext(const std::string& path) const;
  // Whether a name in an open directory is a symlink into a revision.
  bool LeadsToRevisions(int directory, const std::string& name) const;

 private:
  const TrackedPaths from_, to_;
  std::set<std::string> excluded_, above_excluded_;
  const std::string revisions_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_CARRY_RULES_H_
