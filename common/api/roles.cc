#include "common/api/roles.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/api/api_files.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::MethodDescriptor;

constexpr Role kAgents[] = {Role::kAgent};
constexpr Role kPlanners[] = {Role::kPlanner};
constexpr Role kGateways[] = {Role::kGateway};
constexpr Role kPlannersAndGateways[] = {Role::kPlanner, Role::kGateway};
// The promotion receiver observes what hosts run, and starts rollouts.
constexpr Role kReceivers[] = {Role::kPromotionReceiver};
constexpr Role kReaders[] = {Role::kPromotionReceiver, Role::kGateway};

// Everything that is not here is refused. docs/reference/api.md has the same rows, which a test
// compares. A gateway calls for a person with that person's role; as a program only what its
// webhooks need.
constexpr RpcRoles kRows[] = {
    {"AgentService.DiffService", Role::kViewer, kPlanners},
    {"AgentService.FreezeService", Role::kOperator, kPlanners},
    {"AgentService.GetAgentDebugInfo", Role::kOperator, kPlanners},
    {"AgentService.GetService", Role::kViewer, kPlannersAndGateways},
    {"AgentService.ListMachines", Role::kViewer, kPlannersAndGateways},
    {"AgentService.ListServices", Role::kViewer, kPlannersAndGateways},
    {"AgentService.PullService", Role::kOperator, kPlanners},
    {"AgentService.RollbackService", Role::kOperator, kPlanners},
    {"AgentService.UnfreezeService", Role::kOperator, kPlanners},
    {"AgentService.WatchServices", Role::kViewer, kPlannersAndGateways},
    {"AuditService.ListAudit", Role::kAdmin, kPlanners},
    {"AuditService.VerifyAudit", Role::kAdmin, kPlanners},
    {"HookDispatcherService.DispatchHook", Role::kOperator, kPlanners},
    {"HookDispatcherService.ListHooks", Role::kViewer, kPlannersAndGateways},
    {"OperationService.GetHostStatus", Role::kAdmin, kPlanners},
    {"OperationService.PerformAction", Role::kAdmin, kPlanners},
    {"OperationService.ResolveRevision", Role::kAdmin, kPlanners},
    {"OperationService.RunCheck", Role::kAdmin, kPlanners},
    {"PlannerService.AcknowledgeHost", Role::kOperator, {}},
    {"PlannerService.BreakLock", Role::kOperator, {}},
    {"PlannerService.CancelDeployment", Role::kOperator, {}},
    {"PlannerService.CreateDeployment", Role::kOperator, kReceivers},
    {"PlannerService.CreatePlan", Role::kOperator, {}},
    {"PlannerService.DiffServices", Role::kViewer, {}},
    {"PlannerService.FreezeServices", Role::kOperator, {}},
    {"PlannerService.GetDebugInfo", Role::kOperator, {}},
    {"PlannerService.GetDeployment", Role::kViewer, kReaders},
    {"PlannerService.GetHost", Role::kViewer, kReaders},
    {"PlannerService.GetPlan", Role::kViewer, kReaders},
    {"PlannerService.GetServices", Role::kViewer, kReaders},
    {"PlannerService.ListDamagedRecords", Role::kViewer, kReaders},
    {"PlannerService.ListDeploymentHosts", Role::kViewer, kReaders},
    {"PlannerService.ListDeployments", Role::kViewer, kReaders},
    {"PlannerService.ListFleetHooks", Role::kViewer, kReaders},
    {"PlannerService.ListFleetServices", Role::kViewer, kReaders},
    {"PlannerService.ListHosts", Role::kViewer, kReaders},
    {"PlannerService.ListLocks", Role::kViewer, kReaders},
    {"PlannerService.ListPlanHosts", Role::kViewer, kReaders},
    {"PlannerService.PullServices", Role::kOperator, kGateways},
    {"PlannerService.RemoveDamagedRecord", Role::kAdmin, {}},
    {"PlannerService.ResumeDeployment", Role::kOperator, {}},
    {"PlannerService.RollbackDeployment", Role::kOperator, {}},
    {"PlannerService.RollbackServices", Role::kOperator, {}},
    {"PlannerService.TestHooks", Role::kOperator, {}},
    {"PlannerService.UnfreezeServices", Role::kOperator, {}},
    {"PlannerService.WatchDeployment", Role::kViewer, kReaders},
    {"PlannerService.WatchDeployments", Role::kViewer, kReaders},
    {"PlannerService.WatchFleet", Role::kViewer, kReaders},
    {"PromotionService.ApprovePromotion", Role::kApprover, {}},
    {"PromotionService.GetPipeline", Role::kViewer, kGateways},
    {"PromotionService.GetPromotion", Role::kViewer, kGateways},
    {"PromotionService.HoldEnvironment", Role::kOperator, {}},
    {"PromotionService.ListDamagedPromotionRecords", Role::kViewer, kGateways},
    {"PromotionService.ListPipelines", Role::kViewer, kGateways},
    {"PromotionService.ListPromotions", Role::kViewer, kGateways},
    {"PromotionService.ReceiveApproval", Role::kAdmin, kGateways},
    {"PromotionService.ReceiveEvents", Role::kAdmin, kGateways},
    {"PromotionService.RejectPromotion", Role::kApprover, {}},
    {"PromotionService.ReleaseEnvironment", Role::kOperator, {}},
    {"PromotionService.RemoveDamagedPromotionRecord", Role::kAdmin, {}},
    {"PromotionService.ReplayPromotion", Role::kOperator, {}},
    {"PromotionService.WatchPromotions", Role::kViewer, kGateways},
    {"ReportService.RenewCertificate", Role::kAdmin, kAgents},
    {"ReportService.Report", Role::kAdmin, kAgents},
};

std::string NameOf(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), ".", method.name());
}

using RowsByRequest = std::map<const Descriptor*, const RpcRoles*>;

RowsByRequest IndexRows() {
  RowsByRequest rows;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      if (const RpcRoles* row = RolesOf(*service->method(i))) {
        rows.emplace(service->method(i)->input_type(), row);
      }
    }
  }
  return rows;
}

// "viewer, operator, approver or admin, or the program planner".
std::string Allowed(const RpcRoles& row) {
  std::vector<absl::string_view> names;
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kApprover, Role::kAdmin}) {
    if (Includes(role, row.person)) names.push_back(RoleName(role));
  }
  for (const Role role : row.programs) names.push_back(RoleName(role));
  return absl::StrJoin(names, ", ");
}

}  // namespace

const RpcRoles* RolesOf(const MethodDescriptor& method) {
  const std::string name = NameOf(method);
  const RpcRoles* row = std::find_if(std::begin(kRows), std::end(kRows),
                                     [&](const RpcRoles& each) { return each.method == name; });
  return row == std::end(kRows) ? nullptr : row;
}

const RpcRoles* RolesOfRequest(const Descriptor& request) {
  static const auto& rows = *new RowsByRequest(IndexRows());
  const auto found = rows.find(&request);
  return found == rows.end() ? nullptr : found->second;
}

bool IsPerson(Role role) {
  return role == Role::kViewer || role == Role::kOperator || role == Role::kApprover ||
         role == Role::kAdmin;
}

bool Includes(Role role, Role required) {
  if (!IsPerson(role)) return false;
  return role == required || role == Role::kAdmin || required == Role::kViewer;
}

absl::Status CheckRole(Role role, absl::string_view who, const Descriptor& request) {
  const RpcRoles* const row = RolesOfRequest(request);
  if (row == nullptr) {
    return absl::PermissionDeniedError(
        absl::StrCat(who, " may not call the RPC of ", request.name(), ": nobody may"));
  }
  if (Includes(role, row->person)) return absl::OkStatus();
  if (std::find(row->programs.begin(), row->programs.end(), role) != row->programs.end()) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(who, " has the role ", RoleName(role),
                                                  " and may not call ", row->method,
                                                  ": that needs one of ", Allowed(*row)));
}

}  // namespace gitops
