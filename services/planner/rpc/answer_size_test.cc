#include "services/planner/rpc/answer_size.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kMost = 1 << 20;

v1::Deployment Deployment(int hosts, int steps, const std::string& text) {
  v1::Deployment deployment;
  deployment.set_message("1 host failed");
  for (int i = 0; i < hosts; ++i) {
    v1::HostDeployment& host = *deployment.add_hosts();
    host.set_host(absl::StrCat("web", i));
    host.set_state(v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
    for (int j = 0; j < steps; ++j) {
      v1::StepRecord& step = *host.add_steps();
      step.add_actions()->set_output(text);
      v1::HookCall& call = *step.add_hook_calls();
      call.set_request(text);
      call.set_response(text);
      call.set_error("it said no");
    }
  }
  deployment.add_hook_calls()->set_response(text);
  return deployment;
}

TEST(AnswerSizeTest, WhatFitsStaysAsItIs) {
  v1::Deployment deployment = Deployment(10, 3, std::string(5000, 'x'));
  const v1::Deployment before = deployment;
  FitAnswer(deployment, kMost);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(deployment, before));
}

TEST(AnswerSizeTest, TextsAreShortenedAsFarAsIsNeededAndSaySo) {
  std::string text;
  while (text.size() < 16384) text += "ä…";
  for (const int hosts : {40, 150, 500, 1000}) {
    v1::Deployment deployment = Deployment(hosts, 2, text);
    ASSERT_GT(deployment.ByteSizeLong(), kMost);
    FitAnswer(deployment, kMost);
    EXPECT_LE(deployment.ByteSizeLong(), kMost);
    EXPECT_GT(deployment.ByteSizeLong(), kMost / 8) << "no more than is needed, for " << hosts;
    ASSERT_EQ(deployment.hosts(hosts - 1).steps_size(), 2);
    const v1::StepRecord& step = deployment.hosts(hosts - 1).steps(1);
    EXPECT_EQ(step.hook_calls(0).error(), "it said no");
    for (const std::string& shown :
         {step.actions(0).output(), step.hook_calls(0).request(), step.hook_calls(0).response(),
          deployment.hook_calls(0).response()}) {
      EXPECT_THAT(shown, HasSubstr("[shortened"));
      EXPECT_TRUE(IsValidUtf8(shown));
    }
    EXPECT_EQ(deployment.message(), "1 host failed");
  }
}

TEST(AnswerSizeTest, WhereThatIsNotEnoughTheHostsStayWithoutTheirSteps) {
  v1::Deployment deployment = Deployment(5000, 4, std::string(300, 'x'));
  FitAnswer(deployment, kMost);
  EXPECT_LE(deployment.ByteSizeLong(), kMost);
  ASSERT_EQ(deployment.hosts_size(), 5000);
  EXPECT_EQ(deployment.hosts(4999).state(), v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
  EXPECT_THAT(deployment.message(), StartsWith("1 host failed [steps are left out"));
}

TEST(AnswerSizeTest, OneHostIsBoundedToo) {
  v1::HostDeployment host = Deployment(1, 100, std::string(16384, 'x')).hosts(0);
  FitAnswer(host, kMost);
  EXPECT_LE(host.ByteSizeLong(), kMost);
  EXPECT_THAT(host.steps(99).actions(0).output(), HasSubstr("[shortened"));
}

}  // namespace
}  // namespace gitops
