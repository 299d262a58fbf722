#ifndef GITOPS_CTL_OUTPUT_TREE_RENDERER_H_
#define GITOPS_CTL_OUTPUT_TREE_RENDERER_H_

#include <memory>
#include <ostream>

#include "ctl/output/renderer.h"

namespace gitops::ctl {

// For programs: JSON or YAML.
std::unique_ptr<Renderer> MakeTreeRenderer(OutputForm form, std::ostream& out);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_TREE_RENDERER_H_
