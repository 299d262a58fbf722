#include "services/planner/record/record_texts.h"

#include <string>

#include "common/text/utf8.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/plan.pb.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

std::string Text(size_t bytes) { return std::string(bytes, 'x'); }

TEST(RecordTextsTest, OutputsAndBodiesKeepTheirFirst16KiBAndOtherTexts4KiB) {
  record::v1::StepRecord step;
  step.set_message(Text(5000));
  record::v1::ActionRecord& action = *step.add_actions();
  action.set_output("first " + Text(100'000));
  action.set_message(Text(5000));
  record::v1::HookCall& call = *step.add_hook_calls();
  call.set_request(Text(100'000));
  call.set_response(Text(100'000));
  call.set_error(Text(5000));
  call.set_url(Text(5000));
  BoundStep(step);
  EXPECT_EQ(step.message().size(), 4096u);
  EXPECT_EQ(action.output().size(), 16384u);
  EXPECT_EQ(action.output().substr(0, 6), "first ");
  EXPECT_EQ(action.message().size(), 4096u);
  EXPECT_EQ(call.request().size(), 16384u);
  EXPECT_EQ(call.response().size(), 16384u);
  EXPECT_EQ(call.error().size(), 4096u);
  EXPECT_EQ(call.url().size(), 4096u);
}

TEST(RecordTextsTest, TextsDeepInARecordAreBoundedToo) {
  record::v1::DeploymentEntry entry;
  entry.set_halt_reason(Text(5000));
  entry.mutable_deployment()->set_message(Text(5000));
  entry.mutable_deployment()->add_events()->set_message("\xFF" + Text(5000));
  record::v1::HostEntry host;
  host.mutable_progress()->set_error(Text(5000));
  host.mutable_host()->set_message(Text(5000));
  BoundTexts(entry);
  BoundTexts(host);
  EXPECT_EQ(entry.halt_reason().size(), 4096u);
  EXPECT_EQ(entry.deployment().message().size(), 4096u);
  EXPECT_LE(entry.deployment().events(0).message().size(), 4096u);
  EXPECT_TRUE(IsValidUtf8(entry.deployment().events(0).message()));
  EXPECT_EQ(host.progress().error().size(), 4096u);
  EXPECT_EQ(host.host().message().size(), 4096u);
}

TEST(RecordTextsTest, WhatWouldMeanSomethingElseIsNotCut) {
  record::v1::Plan plan;
  plan.mutable_spec()->mutable_selection()->add_on(Text(50'000));
  plan.add_hosts()->set_host(Text(50'000));
  plan.add_revisions()->set_upstream(Text(50'000));
  const std::string before = plan.SerializeAsString();
  BoundTexts(plan);
  EXPECT_EQ(plan.SerializeAsString(), before);
}

TEST(RecordTextsTest, TextsAreCutBetweenTwoCharacters) {
  record::v1::StepRecord step;
  std::string text = "x";
  while (text.size() < 20'000) text += "\xE2\x82\xAC";
  step.add_actions()->set_output(text);
  BoundStep(step);
  EXPECT_EQ(step.actions(0).output(), text.substr(0, 16384));
  EXPECT_TRUE(IsValidUtf8(step.actions(0).output()));
}

TEST(RecordTextsTest, AStepWithThousandsOfPartsStaysBoundedAndKeepsTheNewest) {
  record::v1::StepRecord step;
  for (int i = 0; i < 3000; ++i) {
    record::v1::ActionRecord& action = *step.add_actions();
    action.set_action("sync");
    action.set_operation_id("operation " + std::to_string(i));
    action.set_output(Text(20'000));
    action.set_message(Text(20'000));
    record::v1::HookCall& call = *step.add_hook_calls();
    call.set_response(Text(20'000));
    call.set_error(Text(20'000));
  }
  BoundStep(step);
  EXPECT_LE(step.ByteSizeLong(), kMostStepBytes);
  ASSERT_EQ(step.actions_size(), kMostStepParts);
  EXPECT_EQ(step.actions(kMostStepParts - 1).operation_id(), "operation 2999");
  EXPECT_GE(step.actions(0).output().size(), 64u) << "something is left to be read";
}

TEST(RecordTextsTest, AStepThatFitsLosesNothing) {
  record::v1::StepRecord step;
  for (int i = 0; i < 30; ++i) step.add_actions()->set_output(Text(16'384));
  const std::string before = step.SerializeAsString();
  BoundStep(step);
  EXPECT_EQ(step.SerializeAsString(), before);
}

}  // namespace
}  // namespace gitops
