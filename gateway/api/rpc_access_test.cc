#include "gateway/api/rpc_access.h"

#include <gtest/gtest.h>

#include "gateway/api/api_table.h"

namespace gitops {
namespace {

TEST(RpcAccessTest, ReadingNeedsAViewerAndApprovingAnApprover) {
  for (const RpcRoute& route : ApiTable().routes()) {
    const std::string& name = route.method->name();
    const Access access = AccessOf(route);
    if (route.method->service()->name() == "AuditService") {
      EXPECT_EQ(access, Access::kAdmin) << name;
    } else if (route.http_method == "GET") {
      EXPECT_EQ(access, Access::kViewer) << name;
    }
    if (name == "ApprovePromotion") EXPECT_EQ(access, Access::kApprover);
    if (name == "FreezeServices") EXPECT_EQ(access, Access::kOperator);
    if (name == "RemoveDamagedRecord") EXPECT_EQ(access, Access::kAdmin);
  }
}

}  // namespace
}  // namespace gitops
