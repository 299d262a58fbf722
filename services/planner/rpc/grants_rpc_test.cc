// What people whom grants limit may change through the planner.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/path/temporary_directory.h"
#include "common/rpc/grants.h"
#include "common/schedule/scheduler.h"
#include "services/planner/rpc/planner_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kCi[] = "ci from ipv4:192.0.2.7";

// Opened before the base has its server.
class OpenGrants {
 protected:
  OpenGrants() {
    directory_.Write("grants.toml", R"([[grants]]
token = "ci"
role = "operator"
on = ["web*"]
tagged = ["prod"]
actions = ["sync", "freeze", "cancel"]
)");
    auto file = GrantFile::Open(directory_ / "grants.toml", Clock::System(), scheduler_.get());
    EXPECT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
  }

  const TemporaryDirectory directory_;
  const std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 1);
  std::unique_ptr<GrantFile> file_;
};

class GrantsRpcTest : public OpenGrants, public PlannerTestBase {
 protected:
  GrantsRpcTest() : PlannerTestBase(true, Clock::System(), file_.get()) {
    agents_.SetTip(std::string(40, 'b'));
    AddHost("web1", {"prod"});
    AddHost("web2", {"test"});
    AddHost("db1", {"prod"});
    on_behalf_of_ = kCi;
  }

  template <typename Request>
  static Request On(const std::string& glob) {
    Request request;
    request.set_service("nginx");
    request.mutable_selection()->add_on(glob);
    return request;
  }
  static v1::DeploymentSpec Spec(const std::string& action, const std::string& glob) {
    v1::DeploymentSpec spec;
    spec.add_actions(action);
    spec.mutable_selection()->add_on(glob);
    return spec;
  }
  static v1::CreateDeploymentRequest Deployment(const v1::DeploymentSpec& spec) {
    v1::CreateDeploymentRequest request;
    *request.mutable_spec() = spec;
    return request;
  }
  // As somebody whom no grant names.
  v1::Deployment BeginAsOther(const std::string& glob) {
    on_behalf_of_ = "";
    const auto begun = Call(&Stub::CreateDeployment, Deployment(Spec("sync", glob))).deployment();
    on_behalf_of_ = kCi;
    return begun;
  }
  static void ExpectRefused(const grpc::Status& status, const std::string& action,
                            const std::string& host) {
    EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("ci from ipv4:192.0.2.7"),
                                              HasSubstr("may not " + action + " on host " + host),
                                              HasSubstr("grants.toml")));
  }
};

TEST_F(GrantsRpcTest, ACommandIsRefusedAsAWholeIfOneHostIsNotGranted) {
  ExpectRefused(Try(&Stub::FreezeServices, On<v1::FreezeServicesRequest>("*1")), "freeze", "db1");
  EXPECT_EQ(agents_.Look("web1:8004", "nginx").frozen_by, "") << "no host was called";
  ExpectRefused(Try(&Stub::FreezeServices, On<v1::FreezeServicesRequest>("web2")), "freeze",
                "web2");
  EXPECT_TRUE(Try(&Stub::FreezeServices, On<v1::FreezeServicesRequest>("web1")).ok());
}

TEST_F(GrantsRpcTest, AnActionThatIsNotGrantedIsRefused) {
  ExpectRefused(Try(&Stub::UnfreezeServices, On<v1::UnfreezeServicesRequest>("web1")), "unfreeze",
                "web1");
  ExpectRefused(Try(&Stub::PullServices, On<v1::PullServicesRequest>("web1")), "pull", "web1");
  auto back = On<v1::RollbackServicesRequest>("web1");
  back.set_hash(std::string(40, 'a'));
  ExpectRefused(Try(&Stub::RollbackServices, back), "rollback", "web1");
}

TEST_F(GrantsRpcTest, ReadingIsNotLimited) {
  EXPECT_TRUE(Try(&Stub::GetServices, On<v1::GetServicesRequest>("*1")).ok());
  EXPECT_TRUE(Try(&Stub::ListHosts, v1::ListHostsRequest()).ok());
}

TEST_F(GrantsRpcTest, APlanAndADeploymentAreHeldToTheGrants) {
  v1::CreatePlanRequest plan;
  *plan.mutable_spec() = Spec("sync", "*1");
  ExpectRefused(Try(&Stub::CreatePlan, plan), "sync", "db1");
  *plan.mutable_spec() = Spec("reboot", "web1");
  ExpectRefused(Try(&Stub::CreatePlan, plan), "reboot", "web1");
  ExpectRefused(Try(&Stub::CreateDeployment, Deployment(Spec("sync", "db1"))), "sync", "db1");
  EXPECT_TRUE(Try(&Stub::CreateDeployment, Deployment(Spec("sync", "web1"))).ok());
}

TEST_F(GrantsRpcTest, ThePlanOfSomebodyElseGrantsNothing) {
  on_behalf_of_ = "";
  v1::CreatePlanRequest plan;
  *plan.mutable_spec() = Spec("sync", "db1");
  v1::CreateDeploymentRequest request;
  request.set_plan_token(Call(&Stub::CreatePlan, plan).plan().token());
  on_behalf_of_ = kCi;
  ExpectRefused(Try(&Stub::CreateDeployment, request), "sync", "db1");
}

TEST_F(GrantsRpcTest, TheDeploymentOfOtherHostsIsLeftAlone) {
  v1::CancelDeploymentRequest cancel;
  cancel.set_id(BeginAsOther("*1").id());
  ExpectRefused(Try(&Stub::CancelDeployment, cancel), "cancel", "db1");
  cancel.set_id(BeginAsOther("web1").id());
  EXPECT_TRUE(Try(&Stub::CancelDeployment, cancel).ok());
  v1::ResumeDeploymentRequest resume;
  resume.set_id(cancel.id());
  ExpectRefused(Try(&Stub::ResumeDeployment, resume), "resume", "web1");
  v1::RollbackDeploymentRequest back;
  back.set_id(cancel.id());
  ExpectRefused(Try(&Stub::RollbackDeployment, back), "rollback", "web1");
}

TEST_F(GrantsRpcTest, LocksAndMarksOfOtherHostsAreLeftAlone) {
  v1::BreakLockRequest lock;
  lock.set_host("db1");
  ExpectRefused(Try(&Stub::BreakLock, lock), "break-lock", "db1");
  v1::AcknowledgeHostRequest acknowledge;
  acknowledge.set_host("db1");
  ExpectRefused(Try(&Stub::AcknowledgeHost, acknowledge), "acknowledge", "db1");
}

TEST_F(GrantsRpcTest, SomebodyWithoutGrantsMayDoWhatTheirRoleAllows) {
  on_behalf_of_ = "carol from ipv4:192.0.2.7";
  EXPECT_TRUE(Try(&Stub::FreezeServices, On<v1::FreezeServicesRequest>("*1")).ok());
}

}  // namespace
}  // namespace gitops
