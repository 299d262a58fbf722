#include "common/plan/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Refusal(const std::vector<std::string>& actions) {
  const absl::Status status = CheckActions(actions);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(VocabularyTest, ActionsAreThoseOfTheContracts) {
  EXPECT_THAT(AllActions(),
              ElementsAre("skip", "push", "reboot", "switch-boot", "switch", "test", "dry-activate",
                          "upload-secrets", "run-secret-triggers", "sync", "freeze", "unfreeze"));
  for (const std::string& action : AllActions()) EXPECT_TRUE(IsAction(action)) << action;
  for (const char* word : {"", "build", "Push", "push ", "deploy"}) {
    EXPECT_FALSE(IsAction(word)) << word;
  }
}

TEST(VocabularyTest, ActionsMayRepeatInAnyOrder) {
  EXPECT_TRUE(CheckActions({}).ok());
  EXPECT_TRUE(CheckActions({"reboot", "push", "reboot", "skip", "push"}).ok());
}

TEST(VocabularyTest, UnknownActionNamesTheNearest) {
  EXPECT_EQ(Refusal({"push", "swich"}), "unknown action \"swich\" (did you mean \"switch\"?)");
  EXPECT_THAT(Refusal({"frobnicate"}), HasSubstr("(known: skip, push, reboot, "));
}

TEST(VocabularyTest, WhatAStrangerSentIsShownPrintableAndShort) {
  EXPECT_THAT(Refusal({"\x1b[2Jevil\n"}), HasSubstr("\\x1b[2Jevil\\n"));
  EXPECT_THAT(Refusal({std::string(100'000, 'x')}), Not(HasSubstr(std::string(61, 'x'))));
}

TEST(VocabularyTest, OverlongListIsRefused) {
  EXPECT_TRUE(CheckActions(std::vector<std::string>(1000, "push")).ok());
  EXPECT_THAT(Refusal(std::vector<std::string>(1001, "push")), HasSubstr("1001 actions"));
}

TEST(VocabularyTest, PointsAreOfFourStepsTwoOfThemOfSelection) {
  EXPECT_THAT(AllHookPoints(),
              ElementsAre("pre-select", "post-select", "pre-deploy", "post-deploy", "pre-reboot",
                          "post-reboot", "pre-healthchecks", "post-healthchecks"));
  for (const std::string& point : AllHookPoints()) {
    EXPECT_TRUE(IsHookPoint(point));
    EXPECT_EQ(IsSelectPoint(point), point == "pre-select" || point == "post-select");
    EXPECT_EQ(IsPostPoint(point), point[1] == 'o');
  }
}

TEST(VocabularyTest, UnknownPointNamesTheNearest) {
  EXPECT_TRUE(CheckHookPoint("pre-deploy").ok());
  EXPECT_EQ(CheckHookPoint("pre-deplyo").message(),
            "unknown hook point \"pre-deplyo\" (did you mean \"pre-deploy\"?)");
  EXPECT_FALSE(CheckHookPoint("pre-dry-activate").ok());
  EXPECT_FALSE(CheckHookPoint("").ok());
}

}  // namespace
}  // namespace gitops
