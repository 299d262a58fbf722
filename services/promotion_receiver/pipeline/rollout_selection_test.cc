#include "services/promotion_receiver/pipeline/rollout_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Target Hosts(const std::vector<std::string>& on, const std::string& tag = "prod", int limit = 0) {
  v1::Selection selection;
  for (const std::string& glob : on) selection.add_on(glob);
  if (!tag.empty()) selection.add_tagged(tag);
  selection.set_limit(limit);
  Target target;
  target.hosts = selection;
  return target;
}

absl::StatusOr<v1::Selection> Select(std::vector<Target> targets) {
  return RolloutSelection({.name = "prod", .targets = std::move(targets)});
}

TEST(RolloutSelectionTest, OneTargetIsTakenAsItIs) {
  const auto selection = Select({Hosts({"web*"}, "prod", 3)});
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_THAT(selection->on(), ElementsAre("web*"));
  EXPECT_THAT(selection->tagged(), ElementsAre("prod"));
  EXPECT_EQ(selection->limit(), 3);
}

TEST(RolloutSelectionTest, TargetsThatDifferInNamesOnlyAreMerged) {
  const auto selection = Select({Hosts({"web*"}), Hosts({"db1", "db2"}), Hosts({"lb"})});
  ASSERT_TRUE(selection.ok()) << selection.status();
  EXPECT_THAT(selection->on(), ElementsAre("web*", "db1", "db2", "lb"));
  EXPECT_THAT(selection->tagged(), ElementsAre("prod"));
}

TEST(RolloutSelectionTest, ATargetWithoutNamesHasAllHostsOfTheTag) {
  EXPECT_THAT(Select({Hosts({"web*"}), Hosts({})})->on(), IsEmpty());
  EXPECT_THAT(Select({Hosts({}), Hosts({"web*"})})->on(), IsEmpty());
  EXPECT_THAT(Select({Hosts({}), Hosts({"web*"})})->tagged(), ElementsAre("prod"));
}

TEST(RolloutSelectionTest, WhatOneSelectionCannotSayIsRefused) {
  struct Case {
    std::vector<Target> targets;
    std::string message;
  };
  for (const Case& test : std::vector<Case>{
           {{}, "environment prod: a rollout cannot be done: it has no targets"},
           {{Hosts({"a"}), Target{.namespace_ = "shopping"}}, "target 2 has no hosts"},
           {{Hosts({"a"}), Hosts({"b"}), Hosts({"c"}, "dev")}, "targets 1 and 3 differ"},
           {{Hosts({"a"}, "prod", 1), Hosts({"b"}, "prod", 1)}, "skip, every and limit"},
       }) {
    const auto selection = Select(test.targets);
    EXPECT_EQ(selection.status().code(), absl::StatusCode::kInvalidArgument) << test.message;
    EXPECT_THAT(std::string(selection.status().message()), HasSubstr(test.message));
  }
}

TEST(RolloutSelectionTest, AFleetServiceIsTheKindServiceOfOurGroupInAnyVersion) {
  EXPECT_TRUE(IsFleetService({.api_version = "gitops/v1", .kind = "Service", .name = "nginx"}));
  EXPECT_TRUE(IsFleetService({.api_version = "gitops/v2", .kind = "Service", .name = "nginx"}));
  EXPECT_FALSE(IsFleetService({.api_version = "v1", .kind = "Service", .name = "nginx"}));
  EXPECT_FALSE(IsFleetService({.api_version = "gitops/v1", .kind = "HelmRelease", .name = "x"}));
}

}  // namespace
}  // namespace gitops
