#include "services/hook_dispatcher/payload/answer_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDeploy[] = "pre-deploy";
constexpr char kSelect[] = "post-select";

const Payload kSentOne = {{"web1", {"push", "switch", "push", "reboot"}}};
const Payload kSent = {{"web1", {"push", "switch"}}, {"web2", {"push"}}, {"web3", {"sync"}}};

// Empty: it is taken.
std::string Why(const absl::Status& status) {
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(AnswerRulesTest, TransformMayDoAnythingWithinTheFleet) {
  const Payload answers[] = {
      kSent,
      {},
      {kSent[2], kSent[0]},
      {{"web1", {"reboot", "reboot", "skip"}}},
      {{"db1", {"sync"}}, kSent[0]},
      {{"web1", {}}},
  };
  for (const Payload& answer : answers) {
    EXPECT_EQ(Why(CheckAnswer(kSelect, HookMode::kTransform, kSent, {"db1"}, answer)), "");
  }
}

TEST(AnswerRulesTest, WhatNoModeMayAnswerIsRefused) {
  const struct {
    const char* point;
    const Payload& sent;
    Payload answer;
    const char* why;
  } cases[] = {
      {kDeploy, kSentOne, {{"web2", {"push"}}}, "another host, \"web2\", not \"web1\""},
      {kDeploy, kSentOne, {{"", {"push"}}}, "another host, \"\""},
      {kDeploy, kSentOne, {{"WEB1", {"push"}}}, "another host"},
      {kDeploy, kSentOne, {}, "another host, none"},
      {kDeploy, kSentOne, {kSentOne[0], kSentOne[0]}, "another host"},
      {kDeploy,
       kSentOne,
       {{"web1", {"pusch"}}},
       "unknown action \"pusch\" (did you mean \"push\"?)"},
      {kDeploy, kSentOne, {{"web1", {""}}}, "unknown action \"\""},
      {kDeploy, kSentOne, {{"web1", std::vector<std::string>(1001, "push")}}, "1001 actions"},
      {kSelect, kSent, {kSent[0], kSent[1], kSent[0]}, "\"web1\" is listed twice"},
      {kSelect, kSent, {{"evil\n", {"push"}}}, "\"evil\\n\" is not in the fleet"},
      {kSelect, kSent, {{"", {}}}, "\"\" is not in the fleet"},
      {kSelect, kSent, {{"web1", {"format-disk"}}}, "host \"web1\": unknown action"},
  };
  for (const auto& c : cases) {
    for (const HookMode mode : {HookMode::kTransform, HookMode::kFilter}) {
      EXPECT_THAT(Why(CheckAnswer(c.point, mode, c.sent, {"db1"}, c.answer)), HasSubstr(c.why));
    }
  }
}

TEST(AnswerRulesTest, FilterMayOnlyRemove) {
  const struct {
    const char* name;
    Payload answer;
    bool good;
  } cases[] = {
      {"as it was", kSent, true},
      {"all hosts gone", {}, true},
      {"one host gone", {kSent[0], kSent[2]}, true},
      {"one action gone", {{"web1", {"switch"}}, kSent[1], kSent[2]}, true},
      {"all actions gone", {{"web1", {}}, kSent[2]}, true},
      {"hosts moved", {kSent[1], kSent[0], kSent[2]}, false},
      {"host added", {kSent[0], {"db1", {}}}, false},
      {"actions moved", {{"web1", {"switch", "push"}}}, false},
      {"action added", {{"web1", {"push", "switch", "reboot"}}}, false},
      {"action repeated", {{"web1", {"push", "push", "switch"}}}, false},
      {"action replaced", {{"web2", {"skip"}}}, false},
      {"actions of another host", {{"web2", {"sync"}}}, false},
  };
  for (const auto& c : cases) {
    const std::string why = Why(CheckAnswer(kSelect, HookMode::kFilter, kSent, {"db1"}, c.answer));
    EXPECT_EQ(why.empty(), c.good) << c.name << ": " << why;
    if (!c.good) EXPECT_THAT(why, HasSubstr("a filter may only remove")) << c.name;
  }
}

TEST(AnswerRulesTest, FilterKeepsWhichOfRepeatedActionsAreLeftInOrder) {
  const auto why = [](std::vector<std::string> actions) {
    return Why(CheckAnswer(kDeploy, HookMode::kFilter, kSentOne, {}, {{"web1", actions}}));
  };
  EXPECT_EQ(why({"push", "push"}), "");
  EXPECT_EQ(why({"switch", "push"}), "");
  EXPECT_EQ(why({"push", "reboot"}), "");
  EXPECT_NE(why({"push", "push", "switch"}), "");
  EXPECT_NE(why({"reboot", "push"}), "");
}

TEST(AnswerRulesTest, QuestionsThatCannotBeAskedAreRefused) {
  const struct {
    const char* point;
    Payload payload;
    const char* why;
  } cases[] = {
      {"pre-everything", kSentOne, "unknown hook point"},
      {"", kSentOne, "unknown hook point"},
      {kDeploy, {}, "takes exactly one host, not 0"},
      {kDeploy, kSent, "takes exactly one host, not 3"},
      {kDeploy, {{"web1", {"psuh"}}}, "did you mean \"push\"?"},
      {kDeploy, {{"", {"push"}}}, "a host has no name"},
      {kSelect, {kSent[0], kSent[0]}, "\"web1\" is listed twice"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Why(CheckQuestion(c.point, c.payload)), HasSubstr(c.why)) << c.point;
  }
  EXPECT_EQ(Why(CheckQuestion(kSelect, {})), "");
  EXPECT_EQ(Why(CheckQuestion(kDeploy, {{"web1", {}}})), "");
}

TEST(AnswerRulesTest, StrangersNamesAreShownShortAndPrintable) {
  const std::string why =
      Why(CheckAnswer(kSelect, HookMode::kTransform, kSent, {}, {{std::string(10'000, 'x'), {}}}));
  EXPECT_LT(why.size(), 200);
  EXPECT_THAT(Why(CheckAnswer(kSelect, HookMode::kTransform, kSent, {}, {{"\x1b[2J", {}}})),
              Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace gitops
