#include "common/api/changes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/api/api_files.h"
#include "common/api/roles.h"
#include "gitops/v1/options.pb.h"
#include "gitops/v1/planner.pb.h"
#include "gitops/v1/report.pb.h"
#include "google/api/annotations.pb.h"

namespace gitops {
namespace {

TEST(Changes, EveryRpcThatAViewerMayNotCallIsAChangeOrSaysWhyNot) {
  // Without a rule for REST, and read by programs or admins only.
  const std::set<std::string> reads = {"AuditService.ListAudit", "AuditService.VerifyAudit"};
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      const RpcRoles* const roles = RolesOf(method);
      ASSERT_NE(roles, nullptr) << method.full_name();
      const bool exempt = method.options().HasExtension(v1::changes_nothing);
      if (roles->person == Role::kViewer) {
        EXPECT_FALSE(IsChange(method)) << method.full_name();
      } else if (!exempt && !reads.contains(MethodName(method))) {
        EXPECT_TRUE(IsChange(method)) << method.full_name();
      }
    }
  }
}

TEST(Changes, AReasonForChangingNothingStandsOnlyWhereNoGetSaysIt) {
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& options = service->method(i)->options();
      if (!options.HasExtension(v1::changes_nothing)) continue;
      EXPECT_FALSE(options.GetExtension(google::api::http).has_get())
          << service->method(i)->full_name();
      EXPECT_FALSE(options.GetExtension(v1::changes_nothing).empty());
    }
  }
}

TEST(Changes, ARequestLeadsToItsRpc) {
  const auto* freeze = MethodOf(*v1::FreezeServicesRequest::descriptor());
  ASSERT_NE(freeze, nullptr);
  EXPECT_EQ(MethodName(*freeze), "PlannerService.FreezeServices");
  EXPECT_TRUE(IsChange(*freeze));
  EXPECT_FALSE(IsChange(*MethodOf(*v1::ReportRequest::descriptor())));
  EXPECT_FALSE(IsChange(*MethodOf(*v1::ListHostsRequest::descriptor())));
  EXPECT_EQ(MethodOf(*v1::Selection::descriptor()), nullptr);
}

}  // namespace
}  // namespace gitops
