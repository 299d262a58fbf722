// What PlannerService does with plans, deployments, locks and hooks.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "services/planner/rpc/deployment_test_base.h"

namespace gitops {
namespace {

using grpc::StatusCode;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;
using testing::StartsWith;

using DeploymentRpcTest = DeploymentTestBase;

class DeploymentWithoutDispatcherTest : public DeploymentRpcTest {
 protected:
  DeploymentWithoutDispatcherTest() : DeploymentRpcTest(/*dispatcher=*/false) {}
};

TEST_F(DeploymentRpcTest, APlanShowsWhatWouldBeDoneAndHasATokenForADay) {
  v1::DeploymentSpec spec = Spec("sync");
  spec.mutable_selection()->clear_on();
  const v1::Plan plan = Plan(spec);
  ASSERT_EQ(plan.hosts_size(), 2) << "a plan needs no word for the whole fleet";
  EXPECT_EQ(plan.hosts(0).moves(0).to_hash(), std::string(40, 'b'));
  EXPECT_NE(plan.token(), "");
  EXPECT_EQ(plan.expire_time().seconds() - plan.create_time().seconds(), 24 * 3600);
  EXPECT_EQ(records_.LoadPlan(plan.token())->hosts_size(), 2);
  EXPECT_THAT(deployments_.begun(), IsEmpty());
}

TEST_F(DeploymentRpcTest, ADeploymentIsPlannedAndBegunForTheCaller) {
  v1::CreateDeploymentRequest request;
  *request.mutable_spec() = Spec("sync");
  request.set_reason("fair");
  request.set_no_wait(true);
  const v1::Deployment deployment = Call(&Stub::CreateDeployment, request).deployment();
  EXPECT_THAT(deployment.id(), MatchesRegex("[0-9]{8}-[0-9]{6}-[a-z0-9]+"));
  EXPECT_THAT(deployment.actor(), HasSubstr("alice@laptop"));
  EXPECT_EQ(deployment.principal().name(), "alice@laptop");
  EXPECT_EQ(deployment.principal().kind(), v1::Principal::KIND_USER);
  ASSERT_THAT(deployments_.begun(), SizeIs(1));
  const FakeDeployments::Begun begun = deployments_.begun()[0];
  EXPECT_EQ(begun.id, deployment.id());
  EXPECT_EQ(begun.plan.hosts_size(), 2);
  EXPECT_EQ(begun.deployment.reason, "fair");
  EXPECT_TRUE(begun.deployment.no_wait);
  EXPECT_THAT(begun.calls, SizeIs(2));
  EXPECT_THAT(begun.deployment.traceparent, MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-01"));
  EXPECT_EQ(hooks_.requests()[0].deployment(), deployment.id());
  EXPECT_EQ(hooks_.requests()[0].traceparent(), begun.deployment.traceparent);
}

TEST_F(DeploymentRpcTest, ACallersTraceGoesOnWhereItIsOne) {
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  for (const std::string& sent : {trace, std::string("00-nonsense")}) {
    auto context = Context();
    context->AddMetadata("traceparent", sent);
    v1::CreateDeploymentRequest request;
    *request.mutable_spec() = Spec("reboot");
    v1::CreateDeploymentResponse response;
    ASSERT_TRUE(stub_->CreateDeployment(context.get(), request, &response).ok());
  }
  EXPECT_EQ(deployments_.begun()[0].deployment.traceparent, trace);
  EXPECT_THAT(deployments_.begun()[1].deployment.traceparent, AllOf(StartsWith("00-"), SizeIs(55)));
}

TEST_F(DeploymentRpcTest, ATokenRunsExactlyTheShownRevisionsEvenIfTheTipMovedSince) {
  const v1::Plan plan = Plan(Spec("sync"));
  agents_.SetTip(std::string(40, 'c'));
  v1::CreateDeploymentRequest request;
  request.set_plan_token(plan.token());
  Call(&Stub::CreateDeployment, request);
  EXPECT_EQ(deployments_.begun()[0].plan.revisions(0).hash(), std::string(40, 'b'));
}

TEST_F(DeploymentRpcTest, ATokenOfAWorldThatMovedIsRefusedAndBeginsNothing) {
  const v1::Plan plan = Plan(Spec("sync"));
  AddHost("web3");
  v1::CreateDeploymentRequest request;
  request.set_plan_token(plan.token());
  const grpc::Status refused = Try(&Stub::CreateDeployment, request);
  EXPECT_EQ(refused.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("web3 is new in it"));
  EXPECT_THAT(deployments_.begun(), IsEmpty());
  ASSERT_THAT(deployments_.not_begun(), SizeIs(1));
  EXPECT_THAT(deployments_.not_begun()[0].deployment.spec.actions(), ElementsAre("sync"))
      << "for the record that keeps the hooks' calls";
}

TEST_F(DeploymentRpcTest, RequestsThatCannotBeAreRefused) {
  v1::CreateDeploymentRequest request;
  EXPECT_EQ(Try(&Stub::CreateDeployment, request).error_code(), StatusCode::INVALID_ARGUMENT)
      << "neither token nor spec";
  request.set_plan_token("f00");
  EXPECT_EQ(Try(&Stub::CreateDeployment, request).error_code(), StatusCode::NOT_FOUND);
  request.set_plan_token("");
  EXPECT_EQ(Try(&Stub::CreateDeployment, request).error_code(), StatusCode::INVALID_ARGUMENT);
  *request.mutable_spec() = Spec("sync");
  request.set_reason(std::string(1001, 'x'));
  EXPECT_EQ(Try(&Stub::CreateDeployment, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.clear_reason();
  request.mutable_spec()->clear_selection();
  EXPECT_EQ(Try(&Stub::CreateDeployment, request).error_code(), StatusCode::INVALID_ARGUMENT)
      << "the whole fleet";
  EXPECT_THAT(hooks_.requests(), IsEmpty());
  v1::CreatePlanRequest plan;
  *plan.mutable_spec() = Spec("snyc");
  const absl::Status misspelt = FromGrpcStatus(Try(&Stub::CreatePlan, plan));
  EXPECT_EQ(misspelt.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(BadRequestOf(misspelt).field_violations_size(), 1);
  EXPECT_EQ(BadRequestOf(misspelt).field_violations(0).field(), "spec.actions[0]");
}

TEST_F(DeploymentRpcTest, AHookThatStopsItIsToldByItsReason) {
  hooks_.Add({.point = "pre-select", .message = "freeze window", .failed_hook = "window"});
  v1::CreateDeploymentRequest request;
  *request.mutable_spec() = Spec("sync");
  const grpc::Status stopped = Try(&Stub::CreateDeployment, request);
  EXPECT_EQ(stopped.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(HasReason(FromGrpcStatus(stopped), Reason::kHookStopped));
  EXPECT_EQ(MetadataOf(FromGrpcStatus(stopped))["hook"], "window");
  EXPECT_THAT(stopped.error_message(), HasSubstr("freeze window"));
}

TEST_F(DeploymentRpcTest, CancelAndResumeAreForTheCaller) {
  const std::string id = Begin(Spec("reboot")).id();
  v1::CancelDeploymentRequest cancel;
  cancel.set_id(id);
  cancel.set_reason("wrong hosts");
  EXPECT_EQ(Call(&Stub::CancelDeployment, cancel).deployment().id(), id);
  v1::ResumeDeploymentRequest resume;
  resume.set_id(id);
  EXPECT_EQ(Call(&Stub::ResumeDeployment, resume).deployment().id(), id);
  EXPECT_THAT(deployments_.notes(),
              ElementsAre(AllOf(StartsWith("cancel alice@laptop"), HasSubstr("wrong hosts")),
                          StartsWith("resume alice@laptop")));
  resume.clear_id();
  EXPECT_EQ(Try(&Stub::ResumeDeployment, resume).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeploymentRpcTest, ARollbackIsANewDeploymentForTheCaller) {
  v1::RollbackDeploymentRequest request;
  EXPECT_EQ(Try(&Stub::RollbackDeployment, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_id(Begin(Spec("sync")).id());
  request.set_reason("broken");
  const v1::Deployment back = Call(&Stub::RollbackDeployment, request).deployment();
  EXPECT_EQ(back.rollback_of(), request.id());
  EXPECT_EQ(back.reason(), "broken");
  EXPECT_THAT(back.actor(), StartsWith("alice@laptop"));
  EXPECT_EQ(back.principal().name(), "alice@laptop");
}

TEST_F(DeploymentRpcTest, ALockIsBrokenForTheCaller) {
  v1::BreakLockRequest request;
  EXPECT_EQ(Try(&Stub::BreakLock, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_host("web1");
  request.set_reason("stuck");
  EXPECT_EQ(Call(&Stub::BreakLock, request).lock().host(), "web1");
  EXPECT_THAT(deployments_.notes(),
              ElementsAre(AllOf(StartsWith("break web1 alice@laptop"), HasSubstr("stuck"))));
}

TEST_F(DeploymentRpcTest, DamagedRecordsAreListedAndRemoved) {
  const auto held = locks_.Acquire({.deployment = "D9", .actor = "bob", .hosts = {"web1"}});
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(Call(&Stub::ListDamagedRecords, v1::ListDamagedRecordsRequest()).records_size(), 0);
  v1::RemoveDamagedRecordRequest request;
  request.set_key("planner/v1/lock/web1");
  EXPECT_EQ(Try(&Stub::RemoveDamagedRecord, request).error_code(), StatusCode::FAILED_PRECONDITION);
  store_.Damage(request.key());
  const auto damaged = Call(&Stub::ListDamagedRecords, v1::ListDamagedRecordsRequest());
  ASSERT_EQ(damaged.records_size(), 1);
  EXPECT_EQ(damaged.records(0).key(), request.key());
  EXPECT_EQ(damaged.records(0).kind(), "lock");
  EXPECT_TRUE(Try(&Stub::RemoveDamagedRecord, request).ok());
  EXPECT_EQ(Call(&Stub::ListDamagedRecords, v1::ListDamagedRecordsRequest()).records_size(), 0);
  EXPECT_EQ(Try(&Stub::RemoveDamagedRecord, request).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(DeploymentRpcTest, HooksAreTestedWithWhatTheDispatcherMakesOfIt) {
  hooks_.Add({.point = "post-deploy", .message = "drain said 500", .failed_hook = "drain"});
  v1::TestHooksRequest request;
  request.set_point("post-deploy");
  v1::HostPayload* host = request.add_hosts();
  host->set_host("web1");
  host->add_actions("sync");
  const auto response = Call(&Stub::TestHooks, request);
  EXPECT_EQ(response.failure().hook(), "drain");
  EXPECT_EQ(response.calls_size(), 1);
  const v1::DispatchHookRequest sent = hooks_.requests()[0];
  EXPECT_EQ(sent.result(), v1::STEP_RESULT_OK);
  EXPECT_EQ(sent.deployment(), "");
  EXPECT_THAT(sent.idempotency_key(), StartsWith("test-"));
  request.set_result(v1::STEP_RESULT_FAILED);
  Call(&Stub::TestHooks, request);
  EXPECT_EQ(hooks_.requests()[1].result(), v1::STEP_RESULT_FAILED);
  EXPECT_NE(hooks_.requests()[1].idempotency_key(), sent.idempotency_key());
}

TEST_F(DeploymentRpcTest, ATestThatTakesTooLongEnds) {
  hooks_.Add({.stall = true});
  v1::TestHooksRequest request;
  request.set_point("pre-select");
  request.mutable_timeout()->set_nanos(1'000'000);
  EXPECT_EQ(Try(&Stub::TestHooks, request).error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(hooks_.requests()[0].known_hosts(), ElementsAre("web1", "web2"));
}

TEST_F(DeploymentRpcTest, UnknownPointsAndResultsAreRefused) {
  v1::TestHooksRequest request;
  request.set_point("pre-deplyo");
  EXPECT_THAT(Try(&Stub::TestHooks, request).error_message(), HasSubstr("\"pre-deploy\""));
  request.set_point("post-deploy");
  request.set_result(static_cast<v1::StepResult>(9));
  EXPECT_EQ(Try(&Stub::TestHooks, request).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(hooks_.requests(), IsEmpty());
}

TEST_F(DeploymentRpcTest, TheDispatchersHooksAreListed) {
  v1::ListHooksResponse hooks;
  hooks.add_hooks()->set_name("drain");
  hooks_.SetHooks(hooks);
  EXPECT_EQ(Call(&Stub::ListFleetHooks, v1::ListFleetHooksRequest()).hooks(0).name(), "drain");
}

TEST_F(DeploymentWithoutDispatcherTest, ThereAreNoHooksToListOrTest) {
  EXPECT_EQ(Call(&Stub::ListFleetHooks, v1::ListFleetHooksRequest()).hooks_size(), 0);
  v1::TestHooksRequest request;
  request.set_point("pre-select");
  const grpc::Status refused = Try(&Stub::TestHooks, request);
  EXPECT_EQ(refused.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("--hook-dispatcher"));
}

}  // namespace
}  // namespace gitops
