#include "common/rpc/request_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gitops/v1/planner.pb.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(RequestChecksTest, ReasonsHaveAThousandBytesAtMost) {
  EXPECT_TRUE(CheckReason("").ok());
  EXPECT_TRUE(CheckReason(std::string(1000, 'x')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckReason(std::string(1001, 'x'))));
}

TEST(RequestChecksTest, CommitsAreHexadecimalDigitsFourOfThemAtLeast) {
  for (const std::string good : {"abcd", "0123456789abcdefABCDEF0123456789abcdef01"}) {
    EXPECT_TRUE(CheckHash(good).ok()) << good;
  }
  EXPECT_TRUE(CheckHash(std::string(64, 'a')).ok());
  for (const std::string bad : {"", "abc", "HEAD", "abcd ", "-abcd", "abcg"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckHash(bad))) << bad;
  }
  EXPECT_FALSE(CheckHash(std::string(65, 'a')).ok());
  const absl::Status escaped = CheckHash("\x1b[2J" + std::string(9000, 'x'));
  EXPECT_EQ(escaped.message().find('\x1b'), std::string::npos);
  EXPECT_LT(escaped.message().size(), 300u);
}

TEST(RequestChecksTest, AFieldThatIsSetMustNotBeEmpty) {
  v1::CreateDeploymentRequest request;
  EXPECT_TRUE(CheckSetFields(request).ok());
  request.mutable_spec()->mutable_rollout();
  request.set_reason("");
  EXPECT_TRUE(CheckSetFields(request).ok());
  request.mutable_spec()->set_service("");
  EXPECT_THAT(std::string(CheckSetFields(request).message()), HasSubstr("spec.service is set"));
  request.mutable_spec()->set_service("nginx");
  EXPECT_TRUE(CheckSetFields(request).ok());
  request.mutable_spec()->mutable_rollout()->set_batch("");
  EXPECT_THAT(std::string(CheckSetFields(request).message()), HasSubstr("spec.rollout.batch"));
  request.set_plan_token("");
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSetFields(request))) << "a member of a oneof";
}

TEST(RequestChecksTest, NumbersThatTheirEnumsDoNotHaveAreRefused) {
  v1::ListDeploymentsRequest request;
  request.set_view(static_cast<v1::View>(7));
  EXPECT_THAT(std::string(CheckSetFields(request).message()), HasSubstr("view: 7 is no View"));
  request.set_view(v1::VIEW_FULL);
  request.mutable_filter()->add_states(v1::DEPLOYMENT_STATE_FAILED);
  EXPECT_TRUE(CheckSetFields(request).ok());
  request.mutable_filter()->add_states(v1::DEPLOYMENT_STATE_UNSPECIFIED);
  EXPECT_THAT(std::string(CheckSetFields(request).message()), HasSubstr("filter.states: 0"));
  v1::CreatePlanRequest plan;
  plan.mutable_spec()->mutable_rollout()->set_on_failure(static_cast<v1::Rollout::OnFailure>(9));
  EXPECT_THAT(std::string(CheckSetFields(plan).message()), HasSubstr("spec.rollout.on_failure: 9"));
}

}  // namespace
}  // namespace gitops
