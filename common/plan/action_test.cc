#include "common/plan/action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gitops {
namespace {

using ::testing::ElementsAre;

template <typename Has>
std::vector<std::string> ThatHave(Has has) {
  std::vector<std::string> names;
  for (const ActionTraits& traits : AllActionTraits()) {
    if (has(traits)) names.emplace_back(traits.name);
  }
  return names;
}

TEST(ActionTest, EveryActionIsFoundByNameAndByValueAndNothingElseIs) {
  for (const ActionTraits& traits : AllActionTraits()) {
    EXPECT_EQ(TraitsOf(traits.name).action, traits.action);
    EXPECT_EQ(NameOf(traits.action), traits.name);
    EXPECT_TRUE(Is(traits.name, traits.action));
  }
  EXPECT_EQ(AllActionTraits().size(), static_cast<size_t>(HostAction::kUnfreeze))
      << "one row for each value of the enum";
  for (const char* name : {"", "Sync", "sync ", "deploy"}) {
    EXPECT_EQ(TraitsOf(name).action, HostAction::kUnknown) << name;
  }
  EXPECT_EQ(NameOf(HostAction::kUnknown), "");
}

TEST(ActionTest, TraitsAreThoseOfTheContracts) {
  EXPECT_THAT(ThatHave([](const auto& t) { return t.needs_push; }),
              ElementsAre("switch-boot", "switch", "test"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.activates; }),
              ElementsAre("switch-boot", "switch", "test", "sync"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.takes_service; }),
              ElementsAre("sync", "freeze", "unfreeze"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.takes_revision; }), ElementsAre("sync"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.takes_secrets; }),
              ElementsAre("upload-secrets", "run-secret-triggers"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.step != v1::STEP_KIND_DEPLOY; }),
              ElementsAre("reboot", "dry-activate"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.performer == Performer::kNixAgent; }),
              ElementsAre("push", "switch-boot", "switch", "test", "dry-activate"));
  EXPECT_THAT(ThatHave([](const auto& t) { return t.performer == Performer::kPlanner; }),
              ElementsAre("skip"));
}

}  // namespace
}  // namespace gitops
