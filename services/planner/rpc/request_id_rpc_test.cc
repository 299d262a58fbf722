// Creating calls with a request_id: a repeat makes nothing new.
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/planner/rpc/planner_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::SizeIs;

class RequestIdRpcTest : public PlannerTestBase {
 protected:
  RequestIdRpcTest() {
    agents_.SetTip(std::string(40, 'b'));
    AddHost("web1");
  }
  static v1::DeploymentSpec Spec() {
    v1::DeploymentSpec spec;
    spec.add_actions("sync");
    spec.mutable_selection()->add_on("web*");
    return spec;
  }
  static v1::CreateDeploymentRequest Deploy(const std::string& request_id) {
    v1::CreateDeploymentRequest request;
    *request.mutable_spec() = Spec();
    request.set_request_id(request_id);
    return request;
  }
};

TEST_F(RequestIdRpcTest, RepeatedDeploymentIsBegunOnce) {
  const std::string id = Call(&Stub::CreateDeployment, Deploy("r")).deployment().id();
  EXPECT_EQ(Call(&Stub::CreateDeployment, Deploy("r")).deployment().id(), id);
  EXPECT_THAT(deployments_.begun(), SizeIs(1));
  EXPECT_NE(Call(&Stub::CreateDeployment, Deploy("s")).deployment().id(), id);
  EXPECT_THAT(deployments_.begun(), SizeIs(2));
}

TEST_F(RequestIdRpcTest, RepeatsAtTheSameTimeBeginOneDeployment) {
  std::vector<std::string> ids(8);
  std::vector<std::thread> callers;
  for (std::string& id : ids) {
    callers.emplace_back(
        [&] { id = Call(&Stub::CreateDeployment, Deploy("r")).deployment().id(); });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(deployments_.begun(), SizeIs(1));
  EXPECT_EQ(ids, std::vector<std::string>(8, deployments_.begun()[0].id));
}

TEST_F(RequestIdRpcTest, OtherRequestWithAUsedIdIsRefused) {
  Call(&Stub::CreateDeployment, Deploy("r"));
  v1::CreateDeploymentRequest other = Deploy("r");
  other.set_reason("another");
  EXPECT_EQ(Try(&Stub::CreateDeployment, other).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(deployments_.begun(), SizeIs(1));
}

TEST_F(RequestIdRpcTest, DeploymentThatDidNotBeginIsTriedAgain) {
  agents_.SetUp("web1:8004", false);
  EXPECT_EQ(Try(&Stub::CreateDeployment, Deploy("r")).error_code(), StatusCode::UNAVAILABLE);
  agents_.SetUp("web1:8004", true);
  Call(&Stub::CreateDeployment, Deploy("r"));
  EXPECT_THAT(deployments_.begun(), SizeIs(1));
}

TEST_F(RequestIdRpcTest, RepeatedPlanHasTheSameToken) {
  v1::CreatePlanRequest request;
  *request.mutable_spec() = Spec();
  request.set_request_id("r");
  const v1::Plan plan = Call(&Stub::CreatePlan, request).plan();
  agents_.SetTip(std::string(40, 'c'));
  const v1::Plan again = Call(&Stub::CreatePlan, request).plan();
  EXPECT_EQ(again.token(), plan.token());
  EXPECT_EQ(again.revisions(0).hash(), std::string(40, 'b'));
}

TEST_F(RequestIdRpcTest, RepeatedRollbackIsBegunOnce) {
  const std::string id = Call(&Stub::CreateDeployment, Deploy("")).deployment().id();
  v1::RollbackDeploymentRequest request;
  request.set_id(id);
  request.set_request_id("r");
  const std::string back = Call(&Stub::RollbackDeployment, request).deployment().id();
  EXPECT_EQ(Call(&Stub::RollbackDeployment, request).deployment().id(), back);
  EXPECT_THAT(deployments_.begun(), SizeIs(2));
}

}  // namespace
}  // namespace gitops
