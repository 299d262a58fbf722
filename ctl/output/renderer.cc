#include "ctl/output/renderer.h"

#include "ctl/output/name_renderer.h"
#include "ctl/output/text_renderer.h"
#include "ctl/output/tree_renderer.h"

namespace gitops::ctl {

std::unique_ptr<Renderer> MakeRenderer(const RenderOptions& options, std::ostream& out) {
  switch (options.form) {
    case OutputForm::kTable:
    case OutputForm::kWide:
      return MakeTextRenderer(options, out);
    case OutputForm::kJson:
    case OutputForm::kYaml:
      return MakeTreeRenderer(options.form, out);
    case OutputForm::kName:
      return MakeNameRenderer(out);
  }
  return nullptr;
}

}  // namespace gitops::ctl
