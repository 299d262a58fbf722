#ifndef GITOPS_CTL_OUTPUT_TEXT_RENDERER_H_
#define GITOPS_CTL_OUTPUT_TEXT_RENDERER_H_

#include <memory>
#include <ostream>

#include "ctl/output/renderer.h"

namespace gitops::ctl {

// For people: tables, and sentences.
std::unique_ptr<Renderer> MakeTextRenderer(const RenderOptions& options, std::ostream& out);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_TEXT_RENDERER_H_
