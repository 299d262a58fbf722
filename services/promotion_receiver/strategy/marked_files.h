#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_MARKED_FILES_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_MARKED_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/promotion_receiver/strategy/promotion_git.h"
#include "services/promotion_receiver/yaml_edit/yaml_edit.h"

namespace gitops {

struct MarkedFiles {
  int markers = 0;
  std::vector<PromotionGit::Change> changes;  // files whose content changes
};

// Sets the marked scalars in the regular files *.yaml and *.yml of a commit; symlinks and
// submodules are left alone. FAILED_PRECONDITION: as SetMarkedScalars; a file or all of them are
// too large.
absl::StatusOr<MarkedFiles> EditMarkedFiles(const PromotionGit& git, const std::string& commit,
                                            const MarkedEnvironment& environment,
                                            const PromotedVersion& version);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_MARKED_FILES_H_
