#include "ctl/check_columns.h"

#include <sstream>

#include "ctl/commands/audit_commands.h"
#include "ctl/commands/ca_commands.h"
#include "ctl/output/fleet_renderer.h"
#include "ctl/output/promotion_renderer.h"

namespace gitops::ctl {

// A list of nothing is checked as any other.
absl::Status CheckColumns(const Invocation& invocation, const RenderOptions& options) {
  if (options.columns.empty() && options.sort.empty()) return absl::OkStatus();
  std::ostringstream ignored;
  const auto host = MakeRenderer(options, ignored);
  const auto fleet = MakeFleetRenderer(options, ignored);
  switch (invocation.command) {
    case CommandId::kListServices:
      return invocation.host.empty() ? fleet->Services({}) : host->Services({});
    case CommandId::kListMachines:
      return host->Machines({});
    case CommandId::kListHosts:
      return fleet->Hosts({});
    case CommandId::kListDeployments:
      return fleet->Deployments({});
    case CommandId::kListHooks:
      return fleet->Hooks({});
    case CommandId::kListLocks:
      return fleet->Locks({});
    case CommandId::kListPipelines:
      return PromotionRenderer(options, ignored).Pipelines({});
    case CommandId::kListPromotions:
      return PromotionRenderer(options, ignored).Promotions({});
    case CommandId::kAudit:
      return AuditText({}, options).status();
    case CommandId::kCaList:
      return CertificatesText({}, options).status();
    default:
      return absl::OkStatus();
  }
}

}  // namespace gitops::ctl
