#include "common/server/debug_info.h"

#include <string>

#include "common/config/fleet_render.h"
#include "common/log/log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(DebugInfoTest, HasTheNewestLinesOfTheLogAndTheMetrics) {
  Metrics metrics("agent");
  LogInfo("the newest line");
  const v1::DebugInfo info = MakeDebugInfo("agent", absl::FromUnixSeconds(5), metrics);
  EXPECT_EQ(info.component(), "agent");
  EXPECT_FALSE(info.version().empty());
  EXPECT_EQ(info.start_time().seconds(), 5);
  EXPECT_THAT(*info.log_lines().rbegin(), HasSubstr("the newest line"));
  EXPECT_THAT(info.metrics(), HasSubstr("gitops_build_info{component=\"agent\""));
}

TEST(DebugInfoTest, SettingsAreATableWithoutPasswordsOfUrls) {
  Settings settings;
  settings.values["planner"] = {"planner.example:8001", "GITOPS_PLANNER", true};
  settings.values["upstream"] = {"https://bob:hunter2@git.example/ops.git?t=1", "--upstream", true};
  settings.values["poll"] = {"60s", "default", false};
  EXPECT_EQ(RenderSettings("agent", settings),
            "[agent]\n"
            "planner = \"planner.example:8001\"  # GITOPS_PLANNER\n"
            "upstream = \"https://git.example/ops.git\"  # --upstream\n");
}

TEST(DebugInfoTest, WhatMayBeASecretOfChecksIsHidden) {
  auto config = ParseFleetConfig(R"(
[[hosts]]
name = "web1"
[[hosts.health_checks.http]]
path = "/healthz?token=hunter2"
headers = { Authorization = "Bearer hunter2" }
[[hosts.pre_deploy_checks.cmd]]
cmd = ["curl", "-u", "bob:hunter2", "http://localhost"]
)",
                                 "config.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  HideSecrets(*config);
  const auto rendered = RenderHost(*config, "web1");
  ASSERT_TRUE(rendered.ok()) << rendered.status();
  EXPECT_THAT(*rendered, AllOf(Not(HasSubstr("hunter2")), HasSubstr("/healthz"), HasSubstr("curl"),
                               HasSubstr("Authorization")));
}

}  // namespace
}  // namespace gitops
