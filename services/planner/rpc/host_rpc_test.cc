// What concerns single hosts and services: acknowledged health checks, services with their
// revisions, comparison with a commit, debug information, the tries of running checks.
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
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

using HostRpcTest = DeploymentTestBase;

v1::FailedHealth Failed() {
  v1::FailedHealth failed;
  failed.set_deployment("d1");
  failed.set_message("http: 503");
  return failed;
}

TEST_F(HostRpcTest, AMarkIsTakenAwayByWhoeverAcknowledgesIt) {
  ASSERT_TRUE(fleet_.MarkHealth("web1", Failed()).ok());
  v1::GetHostRequest get;
  get.set_host("web1");
  const v1::Host marked = Call(&Stub::GetHost, get).host();
  EXPECT_EQ(marked.failed_health().deployment(), "d1");
  v1::AcknowledgeHostRequest request;
  request.set_host("web1");
  request.set_reason("known");
  const v1::Host host = Call(&Stub::AcknowledgeHost, request).host();
  EXPECT_FALSE(host.has_failed_health());
  EXPECT_NE(host.etag(), marked.etag());
  EXPECT_EQ(Call(&Stub::AcknowledgeHost, request).host().etag(), host.etag()) << "there is none";
  EXPECT_THAT(deployments_.notes(),
              ElementsAre(AllOf(StartsWith("note d1 "),
                                EndsWith("health checks of host web1 were acknowledged: known"))));
}

TEST_F(HostRpcTest, OnlyAHostOfTheFleetIsAcknowledgedWithAShortReason) {
  v1::AcknowledgeHostRequest request;
  EXPECT_EQ(Try(&Stub::AcknowledgeHost, request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_host("nobody");
  EXPECT_EQ(Try(&Stub::AcknowledgeHost, request).error_code(), StatusCode::NOT_FOUND);
  request.set_host("web1");
  request.set_reason(std::string(1001, 'x'));
  EXPECT_EQ(Try(&Stub::AcknowledgeHost, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(HostRpcTest, ServicesComeWithRevisionsAndChangesOfEachHost) {
  ASSERT_TRUE(fleet_.MarkHealth("web1", Failed()).ok());
  agents_.SetUp("web2:8004", false);
  v1::GetServicesRequest request;
  request.set_service("nginx");
  const auto outcomes = Call(&Stub::GetServices, request);
  ASSERT_THAT(outcomes, SizeIs(2));
  EXPECT_EQ(outcomes[0].service().host(), "web1");
  EXPECT_THAT(outcomes[0].service().revisions(), ElementsAre(std::string(40, 'a')));
  EXPECT_EQ(outcomes[0].service().changes_size(), 1);
  EXPECT_EQ(outcomes[0].service().failed_health().deployment(), "d1");
  EXPECT_EQ(outcomes[1].reason(), "HOST_UNREACHABLE");
}

TEST_F(HostRpcTest, ADiffIsOfTheCommitAndContentThatAreAskedFor) {
  v1::DiffServicesRequest request;
  request.set_service("nginx");
  request.mutable_selection()->add_on("web1");
  request.set_to_hash("BBBB");
  request.set_content(true);
  EXPECT_THAT(Call(&Stub::DiffServices, request), SizeIs(1));
  EXPECT_EQ(agents_.last_diff().to_hash(), "bbbb");
  EXPECT_TRUE(agents_.last_diff().content());
  request.clear_to_hash();
  EXPECT_THAT(Call(&Stub::DiffServices, request), SizeIs(1));
  EXPECT_FALSE(agents_.last_diff().has_to_hash());
  request.set_to_hash("no commit");
  EXPECT_EQ(Try(&Stub::DiffServices, request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(HostRpcTest, ACommandThatSelectsNoHostIsAnErrorThatNamesTheNearest) {
  v1::PullServicesRequest request;
  request.set_service("nginx");
  request.mutable_selection()->add_on("wbe1");
  const absl::Status refused = FromGrpcStatus(Try(&Stub::PullServices, request));
  EXPECT_TRUE(HasReason(refused, Reason::kNoHostSelected)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("did you mean web1?"));
}

TEST_F(HostRpcTest, DebugInformationIsThePlannersOrAHostsOwn) {
  v1::GetDebugInfoRequest request;
  EXPECT_EQ(Call(&Stub::GetDebugInfo, request).info().component(), "planner");
  request.set_host("web1");
  const v1::DebugInfo info = Call(&Stub::GetDebugInfo, request).info();
  EXPECT_EQ(info.component(), "agent");
  EXPECT_EQ(info.host(), "web1");
  agents_.SetUp("web1:8004", false);
  EXPECT_EQ(Try(&Stub::GetDebugInfo, request).error_code(), StatusCode::UNAVAILABLE);
  request.set_host("nobody");
  EXPECT_EQ(Try(&Stub::GetDebugInfo, request).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(HostRpcTest, TriesOfRunningChecksComeWithoutAChangeOfTheStore) {
  const std::string id = Begin(Spec("reboot")).id();
  v1::StepRecord step;
  step.set_number(1);
  step.set_kind(v1::STEP_KIND_HEALTHCHECKS);
  step.add_actions()->set_action("health-checks");
  ASSERT_TRUE(records_.SaveHost(id, 0, (*records_.LoadHosts(id))[0], &step).ok());
  v1::WatchDeploymentRequest request;
  request.set_id(id);
  const auto context = Context();
  const auto reader = stub_->WatchDeployment(context.get(), request);
  v1::WatchDeploymentResponse response;
  while (!response.initial_done()) ASSERT_TRUE(reader->Read(&response));
  deployments_.running_checks().Set(
      id, 0,
      {.tries = 3, .failing = "http: 503", .deadline = absl::FromUnixSeconds(1'800'000'000)});
  ASSERT_TRUE(reader->Read(&response));
  const v1::ActionRecord& action = response.host().steps(0).actions(0);
  EXPECT_EQ(action.tries(), 3);
  EXPECT_EQ(action.message(), "http: 503");
  EXPECT_EQ(action.deadline().seconds(), 1'800'000'000);
  context->TryCancel();
}

}  // namespace
}  // namespace gitops
