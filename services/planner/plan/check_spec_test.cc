#include "services/planner/plan/check_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace gitops {
namespace {

using testing::HasSubstr;

v1::DeploymentSpec Good() {
  v1::DeploymentSpec spec;
  spec.mutable_selection()->add_on("web*");
  spec.add_actions("sync");
  return spec;
}

struct Case {
  const char* why;
  std::function<void(v1::DeploymentSpec&)> change;
  const char* told;  // null: it is good
};

const Case kCases[] = {
    {"sync on some hosts", [](auto&) {}, nullptr},
    {"nothing to do", [](auto& s) { s.clear_actions(); }, "no action"},
    {"a word that is no action", [](auto& s) { s.add_actions("snyc"); }, "did you mean \"sync\""},
    {"an action twice", [](auto& s) { s.add_actions("sync"); }, nullptr},
    {"a service to sync", [](auto& s) { s.set_service("nginx"); }, nullptr},
    {"a service where nothing takes one",
     [](auto& s) {
       s.set_actions(0, "reboot");
       s.set_service("nginx");
     },
     "none of the actions takes one"},
    {"a service to freeze",
     [](auto& s) {
       s.set_actions(0, "freeze");
       s.set_service("nginx");
     },
     nullptr},
    {"a service with a blank", [](auto& s) { s.set_service("ngi nx"); }, "cannot be a service"},
    {"a revision", [](auto& s) { s.set_revision("C0FFEE"); }, nullptr},
    {"a revision that is not a commit", [](auto& s) { s.set_revision("main"); }, "not a commit"},
    {"three digits are too few", [](auto& s) { s.set_revision("abc"); }, "not a commit"},
    {"65 digits are too many", [](auto& s) { s.set_revision(std::string(65, 'a')); },
     "not a commit"},
    {"a revision for freeze",
     [](auto& s) {
       s.set_actions(0, "freeze");
       s.set_revision("c0ffee");
     },
     "none of the actions takes one"},
    {"an open bracket", [](auto& s) { s.mutable_selection()->add_on("web["); }, "web["},
    {"a negative number", [](auto& s) { s.mutable_selection()->set_skip(-1); }, "negative"},
    {"a quarter at a time", [](auto& s) { s.mutable_rollout()->set_batch("25%"); }, nullptr},
    {"no amount", [](auto& s) { s.mutable_rollout()->set_batch("some"); }, "rollout.batch"},
    {"waves of nobody", [](auto& s) { s.mutable_rollout()->set_batch("0"); }, "without hosts"},
    {"no failures at all", [](auto& s) { s.mutable_rollout()->set_max_failures("0"); }, nullptr},
    {"more than all", [](auto& s) { s.mutable_rollout()->set_max_failures("101%"); },
     "rollout.max_failures"},
    {"a negative canary", [](auto& s) { s.mutable_rollout()->set_canary(-1); }, "canary"},
    {"a negative parallelism", [](auto& s) { s.mutable_rollout()->set_max_parallel(-1); },
     "max_parallel"},
    {"a negative pause",
     [](auto& s) { s.mutable_rollout()->mutable_pause_between()->set_seconds(-1); },
     "pause_between"},
    {"a negative part of a second", [](auto& s) { s.mutable_health_timeout()->set_nanos(-1); },
     "health_timeout"},
    {"for ever", [](auto& s) { s.mutable_reboot_timeout()->set_seconds(400'000'000'000); },
     "reboot_timeout"},
};

TEST(CheckSpecTest, WhatIsWrongInItselfIsRefused) {
  for (const Case& c : kCases) {
    v1::DeploymentSpec spec = Good();
    c.change(spec);
    const absl::Status checked = CheckSpec(spec, /*changes=*/true);
    if (c.told == nullptr) {
      EXPECT_TRUE(checked.ok()) << c.why << ": " << checked;
      continue;
    }
    EXPECT_TRUE(absl::IsInvalidArgument(checked)) << c.why << ": " << checked;
    EXPECT_THAT(std::string(checked.message()), HasSubstr(c.told)) << c.why;
  }
}

TEST(CheckSpecTest, TheWholeFleetIsChangedOnlyWhereAllIsSaid) {
  v1::DeploymentSpec spec;
  spec.add_actions("sync");
  EXPECT_TRUE(CheckSpec(spec, /*changes=*/false).ok());
  const absl::Status refused = CheckSpec(spec, /*changes=*/true);
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--all"));
  spec.mutable_selection()->set_limit(3);
  EXPECT_TRUE(CheckSpec(spec, /*changes=*/true).ok());
  spec.mutable_selection()->Clear();
  spec.mutable_selection()->set_all(true);
  EXPECT_TRUE(CheckSpec(spec, /*changes=*/true).ok());
}

}  // namespace
}  // namespace gitops
