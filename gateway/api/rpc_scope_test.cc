#include "gateway/api/rpc_scope.h"

#include <gtest/gtest.h>

#include "gateway/api/api_table.h"

namespace gitops {
namespace {

bool Has(const RpcRoute& route, const char* field) {
  return route.method->input_type()->FindFieldByName(field) != nullptr;
}

// An audit is also about callers of every host.
bool IsOfAnAudit(const RpcRoute& route) {
  return route.method->service()->name() == "AuditService";
}

TEST(RpcScopeTest, EveryRpcWithASelectionIsNarrowedAndEveryOneOfAHostIsChecked) {
  for (const RpcRoute& route : ApiTable().routes()) {
    const std::string& name = route.method->full_name();
    const RpcScope scope = ScopeOf(route);
    if (Has(route, "selection")) {
      EXPECT_TRUE(scope == RpcScope::kSelection || scope == RpcScope::kChange) << name;
    }
    // Without a host, GetDebugInfo is about the planner.
    const bool of_a_host =
        Has(route, "host") && route.method->name() != "GetDebugInfo" && !IsOfAnAudit(route);
    if (of_a_host || !route.host_variable.empty()) {
      EXPECT_EQ(scope, RpcScope::kHost) << name;
    }
    if (Has(route, "spec")) {
      EXPECT_TRUE(scope == RpcScope::kNewPlan || scope == RpcScope::kNewDeployment) << name;
    }
  }
}

TEST(RpcScopeTest, ARuleFitsTheRequestOfItsRpc) {
  for (const RpcRoute& route : ApiTable().routes()) {
    const std::string& name = route.method->full_name();
    switch (ScopeOf(route)) {
      case RpcScope::kHost:
        EXPECT_TRUE(Has(route, "host") || !route.host_variable.empty()) << name;
        break;
      case RpcScope::kSelection:
      case RpcScope::kChange:
        EXPECT_TRUE(Has(route, "selection")) << name;
        break;
      case RpcScope::kPlan:
        EXPECT_TRUE(Has(route, "token")) << name;
        break;
      case RpcScope::kDeployment:
        EXPECT_TRUE(Has(route, "id")) << name;
        break;
      case RpcScope::kNewPlan:
      case RpcScope::kNewDeployment:
        EXPECT_TRUE(Has(route, "spec")) << name;
        break;
      case RpcScope::kRefused:
        break;
    }
  }
}

TEST(RpcScopeTest, WhatIsAboutEveryHostIsRefused) {
  for (const RpcRoute& route : ApiTable().routes()) {
    const std::string& name = route.method->name();
    const bool refused = name == "ListDeployments" || name == "WatchDeployments" ||
                         name == "ListLocks" || name == "ListFleetHooks" || name == "TestHooks" ||
                         name == "ListDamagedRecords" || name == "RemoveDamagedRecord" ||
                         name == "GetDebugInfo" || IsOfAnAudit(route) ||
                         route.method->service()->name() == "PromotionService";
    EXPECT_EQ(ScopeOf(route) == RpcScope::kRefused, refused) << name;
  }
}

}  // namespace
}  // namespace gitops
