#include "ctl/output/fleet_renderer.h"

namespace gitops::ctl {

std::unique_ptr<FleetRenderer> MakeFleetRenderer(const RenderOptions& options, std::ostream& out) {
  switch (options.form) {
    case OutputForm::kTable:
    case OutputForm::kWide:
      return MakeTextFleetRenderer(options, out);
    case OutputForm::kJson:
    case OutputForm::kYaml:
      return MakeTreeFleetRenderer(options.form, out);
    case OutputForm::kName:
      return MakeNameFleetRenderer(out);
  }
  return nullptr;
}

}  // namespace gitops::ctl
