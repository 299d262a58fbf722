#ifndef GITOPS_CTL_OUTPUT_NAME_RENDERER_H_
#define GITOPS_CTL_OUTPUT_NAME_RENDERER_H_

#include <memory>
#include <ostream>

#include "ctl/output/renderer.h"

namespace gitops::ctl {

// For scripts: one name per line.
std::unique_ptr<Renderer> MakeNameRenderer(std::ostream& out);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_NAME_RENDERER_H_
