#include "gateway/api/rpc_access.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/string_view.h"

namespace gitops {
namespace {

struct Row {
  absl::string_view method;
  Access access;
};

// Every RPC with a POST route.
constexpr Row kRows[] = {
    {"AgentService.DiffService", Access::kViewer},
    {"AgentService.FreezeService", Access::kOperator},
    {"AgentService.GetAgentDebugInfo", Access::kOperator},
    {"AgentService.PullService", Access::kOperator},
    {"AgentService.RollbackService", Access::kOperator},
    {"AgentService.UnfreezeService", Access::kOperator},
    {"PlannerService.AcknowledgeHost", Access::kOperator},
    {"PlannerService.BreakLock", Access::kOperator},
    {"PlannerService.CancelDeployment", Access::kOperator},
    {"PlannerService.CreateDeployment", Access::kOperator},
    {"PlannerService.CreatePlan", Access::kOperator},
    {"PlannerService.DiffServices", Access::kViewer},
    {"PlannerService.FreezeServices", Access::kOperator},
    {"PlannerService.GetDebugInfo", Access::kOperator},
    {"PlannerService.PullServices", Access::kOperator},
    {"PlannerService.RemoveDamagedRecord", Access::kAdmin},
    {"PlannerService.ResumeDeployment", Access::kOperator},
    {"PlannerService.RollbackDeployment", Access::kOperator},
    {"PlannerService.RollbackServices", Access::kOperator},
    {"PlannerService.TestHooks", Access::kOperator},
    {"PlannerService.UnfreezeServices", Access::kOperator},
    {"PromotionService.ApprovePromotion", Access::kApprover},
    {"PromotionService.HoldEnvironment", Access::kOperator},
    {"PromotionService.RejectPromotion", Access::kApprover},
    {"PromotionService.ReleaseEnvironment", Access::kOperator},
    {"PromotionService.RemoveDamagedPromotionRecord", Access::kAdmin},
    {"PromotionService.ReplayPromotion", Access::kOperator},
};

const Row* RowOf(const google::protobuf::MethodDescriptor& method) {
  const std::string name = method.service()->name() + "." + method.name();
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& each) { return each.method == name; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

Access AccessOf(const RpcRoute& route) {
  if (route.http_method == "GET") return Access::kViewer;
  const Row* row = RowOf(*route.method);
  return row == nullptr ? Access::kAdmin : row->access;
}

bool HasAccessRow(const google::protobuf::MethodDescriptor& method) {
  return RowOf(method) != nullptr;
}

}  // namespace gitops
