#include "ctl/output/renderer.h"

#include <algorithm>

#include "ctl/output/name_renderer.h"
#include "ctl/output/text_renderer.h"
#include "ctl/output/tree_renderer.h"

namespace gitops::ctl {

TableStyle StyleOf(const RenderOptions& options) {
  TableStyle style;
  style.wide = options.form == OutputForm::kWide;
  style.color = options.color;
  style.headers = options.headers;
  style.now = options.now();
  style.columns = options.columns;
  style.sort = options.sort;
  const bool fits = options.terminal && !style.wide && options.size;
  if (fits) style.width = static_cast<size_t>(std::max(options.size().columns, 0));
  return style;
}

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
