#include "services/planner/rpc/answer_size.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "common/text/utf8.h"

namespace gitops {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kMost = 1 << 20;

v1::HostDeployment Host(int steps, const std::string& text) {
  v1::HostDeployment host;
  host.set_host("web1");
  host.set_message("it failed");
  for (int i = 0; i < steps; ++i) {
    v1::StepRecord& step = *host.add_steps();
    step.add_actions()->set_output(text);
    v1::HookCall& call = *step.add_hook_calls();
    call.set_request(text);
    call.set_response(text);
    call.set_error("it said no");
  }
  return host;
}

TEST(AnswerSizeTest, WhatFitsStaysAsItIs) {
  v1::HostDeployment host = Host(30, std::string(5000, 'x'));
  const v1::HostDeployment before = host;
  FitAnswer(host, kMost);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(host, before));
}

TEST(AnswerSizeTest, TextsAreShortenedAsFarAsIsNeededAndSaySo) {
  std::string text;
  while (text.size() < 16384) text += "ä…";
  for (const int steps : {80, 300, 1000, 2000}) {
    v1::HostDeployment host = Host(steps, text);
    ASSERT_GT(host.ByteSizeLong(), kMost);
    FitAnswer(host, kMost);
    EXPECT_LE(host.ByteSizeLong(), kMost);
    EXPECT_GT(host.ByteSizeLong(), kMost / 8) << "too much was cut at " << steps << " steps";
    ASSERT_EQ(host.steps_size(), steps);
    const v1::StepRecord& step = host.steps(steps - 1);
    EXPECT_EQ(step.hook_calls(0).error(), "it said no");
    for (const std::string& shown :
         {step.actions(0).output(), step.hook_calls(0).request(), step.hook_calls(0).response()}) {
      EXPECT_THAT(shown, HasSubstr("[shortened"));
      EXPECT_TRUE(IsValidUtf8(shown));
    }
    EXPECT_EQ(host.message(), "it failed");
  }
}

TEST(AnswerSizeTest, WhereThatIsNotEnoughTheHostStaysWithoutItsSteps) {
  v1::HostDeployment host = Host(20'000, std::string(300, 'x'));
  FitAnswer(host, kMost);
  EXPECT_LE(host.ByteSizeLong(), kMost);
  EXPECT_EQ(host.host(), "web1");
  EXPECT_THAT(host.message(), StartsWith("it failed [steps are left out"));
}

TEST(AnswerSizeTest, HookCallsOfADeploymentAreShortenedToo) {
  v1::Deployment deployment;
  for (int i = 0; i < 100; ++i) deployment.add_hook_calls()->set_response(std::string(16384, 'x'));
  FitAnswer(deployment, kMost);
  EXPECT_LE(deployment.ByteSizeLong(), kMost);
  EXPECT_EQ(deployment.hook_calls_size(), 100);
  EXPECT_THAT(deployment.hook_calls(99).response(), HasSubstr("[shortened"));
}

}  // namespace
}  // namespace gitops
