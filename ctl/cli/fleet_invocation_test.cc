// Command lines for the fleet: selections, plans, deployments.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ctl/cli/invocation.h"

namespace gitops::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

// `line` is split at single blanks.
absl::StatusOr<Invocation> Parse(const std::string& line, const Variables& variables = {}) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  return ParseInvocation(words, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

TEST(FleetInvocationTest, EveryFormIsUnderstood) {
  const struct {
    const char* line;
    CommandId command;
    const char* arguments;  // joined with commas
  } kCases[] = {
      {"list hosts", CommandId::kListHosts, ""},
      {"list host", CommandId::kListHosts, ""},
      {"list services", CommandId::kListServices, ""},
      {"list machines", CommandId::kListMachines, ""},
      {"list deployments", CommandId::kListDeployments, ""},
      {"list hooks", CommandId::kListHooks, ""},
      {"get service nginx", CommandId::kGetService, "nginx"},
      {"get host web1", CommandId::kGetHost, "web1"},
      {"get deployment d1", CommandId::kGetDeployment, "d1"},
      {"freeze nginx --all", CommandId::kFreeze, "nginx"},
      {"unfreeze nginx --on web1", CommandId::kUnfreeze, "nginx"},
      {"pull nginx --tagged a", CommandId::kPull, "nginx"},
      {"rollback nginx 8df1 --limit 1", CommandId::kRollback, "nginx,8df1"},
      {"diff nginx", CommandId::kDiff, "nginx"},
      {"watch", CommandId::kWatch, ""},
      {"watch services", CommandId::kWatch, ""},
      {"watch nginx", CommandId::kWatch, "nginx"},
      {"watch hosts", CommandId::kWatchHosts, ""},
      {"watch hosts @web1", CommandId::kWatch, "hosts"},
      {"check", CommandId::kCheck, ""},
      {"plan sync reboot sync", CommandId::kPlan, "sync,reboot,sync"},
      {"deploy sync --all", CommandId::kDeploy, "sync"},
      {"deploy --plan t1", CommandId::kDeploy, ""},
      {"watch deployment d1", CommandId::kWatchDeployment, "d1"},
      {"cancel deployment d1", CommandId::kCancelDeployment, "d1"},
      {"resume deployment d1", CommandId::kResumeDeployment, "d1"},
      {"rollback deployment 8df1", CommandId::kRollbackDeployment, "8df1"},
      {"hooks test pre-deploy", CommandId::kHooksTest, "pre-deploy"},
      {"break lock web1", CommandId::kBreakLock, "web1"},
      {"remove-record planner/v1/fencing", CommandId::kRemoveRecord, "planner/v1/fencing"},
      {"do freeze nginx --all", CommandId::kFreeze, "nginx"},
  };
  for (const auto& c : kCases) {
    const auto invocation = Parse(c.line);
    ASSERT_TRUE(invocation.ok()) << c.line << ": " << invocation.status();
    EXPECT_EQ(invocation->command, c.command) << c.line;
    EXPECT_EQ(absl::StrJoin(invocation->arguments, ","), c.arguments) << c.line;
  }
}

TEST(FleetInvocationTest, SelectionFlagsDoNotSwallowWhatFollows) {
  for (const char* line : {
           "deploy --on web* --on [ab]1 --on {x,y} sync reboot --tagged prod,web --order-by-tags "
           "a,b --skip 1 --every 2 --limit 3",
           "deploy --on=web* --on [ab]1 --on={x,y} --tagged=prod --tagged web sync --every=2 "
           "reboot "
           "--limit=3 --skip=1 --order-by-tags a --order-by-tags=b",
       }) {
    const auto invocation = Parse(line);
    ASSERT_TRUE(invocation.ok()) << line << ": " << invocation.status();
    const v1::Selection& selection = invocation->flags.spec.selection();
    EXPECT_THAT(selection.on(), ElementsAre("web*", "[ab]1", "{x,y}"));
    EXPECT_THAT(selection.tagged(), ElementsAre("prod", "web"));
    EXPECT_THAT(selection.order_by_tags(), ElementsAre("a", "b"));
    EXPECT_EQ(selection.skip(), 1);
    EXPECT_EQ(selection.every(), 2);
    EXPECT_EQ(selection.limit(), 3);
    EXPECT_FALSE(selection.all());
    EXPECT_THAT(invocation->flags.spec.actions(), ElementsAre("sync", "reboot"));
  }
}

TEST(FleetInvocationTest, PlanFlagsBecomeTheSpec) {
  const auto invocation = Parse(
      "plan sync --all --service nginx --revision 8df1 --canary 1 --batch 25% --max-parallel 4 "
      "--max-failures 10% --pause-between 1m30s --on-failure rollback --catch-up "
      "--catch-up-timeout 2h --skip-health-checks --skip-pre-deploy-checks --health-timeout 500ms "
      "--reboot-timeout 90 --ignore-hook-errors");
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  const v1::DeploymentSpec& spec = invocation->flags.spec;
  EXPECT_TRUE(spec.selection().all());
  EXPECT_EQ(spec.service(), "nginx");
  EXPECT_EQ(spec.revision(), "8df1");
  EXPECT_EQ(spec.rollout().canary(), 1);
  EXPECT_EQ(spec.rollout().batch(), "25%");
  EXPECT_EQ(spec.rollout().max_parallel(), 4);
  EXPECT_EQ(spec.rollout().max_failures(), "10%");
  EXPECT_EQ(spec.rollout().pause_between().seconds(), 90);
  EXPECT_EQ(spec.rollout().on_failure(), v1::Rollout::ON_FAILURE_ROLLBACK);
  EXPECT_TRUE(spec.rollout().catch_up());
  EXPECT_EQ(spec.rollout().catch_up_timeout().seconds(), 7200);
  EXPECT_TRUE(spec.skip_health_checks());
  EXPECT_TRUE(spec.skip_pre_deploy_checks());
  EXPECT_EQ(spec.health_timeout().nanos(), 500'000'000);
  EXPECT_EQ(spec.reboot_timeout().seconds(), 90);
  EXPECT_TRUE(spec.ignore_hook_errors());
}

TEST(FleetInvocationTest, AnEmptyValueIsNeverTakenForAll) {
  for (const FlagSpec& flag : FlagSpecs()) {
    if (flag.value.empty() || flag.name == "reason") continue;
    for (const std::vector<std::string>& given :
         {std::vector<std::string>{absl::StrCat("--", flag.name), ""},
          std::vector<std::string>{absl::StrCat("--", flag.name, "=")}}) {
      std::vector<std::string> words = {"deploy", "sync", "--all"};
      words.insert(words.end(), given.begin(), given.end());
      const auto invocation = ParseInvocation(words, [](const auto&) { return std::nullopt; });
      ASSERT_FALSE(invocation.ok()) << flag.name;
      EXPECT_THAT(std::string(invocation.status().message()),
                  HasSubstr(absl::StrCat("--", flag.name, ": the value is empty")));
    }
  }
  EXPECT_TRUE(Parse("deploy sync --all --reason=").ok());
}

TEST(FleetInvocationTest, OneEmptyValueAmongOthersIsRefused) {
  const auto invocation = ParseInvocation({"freeze", "nginx", "--on", "", "--on", "web1"},
                                          [](const auto&) { return std::nullopt; });
  EXPECT_THAT(std::string(invocation.status().message()), HasSubstr("--on: the value is empty"));
}

TEST(FleetInvocationTest, WhatIsNotGivenStaysUnset) {
  const auto invocation = Parse("plan sync");
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  const v1::DeploymentSpec& spec = invocation->flags.spec;
  EXPECT_FALSE(spec.rollout().has_max_failures());
  EXPECT_FALSE(spec.rollout().has_batch());
  EXPECT_FALSE(spec.has_service());
  EXPECT_FALSE(spec.has_revision());
  EXPECT_EQ(spec.rollout().on_failure(), v1::Rollout::ON_FAILURE_UNSPECIFIED);
  EXPECT_FALSE(spec.has_health_timeout());
  EXPECT_FALSE(spec.rollout().has_pause_between());
}

TEST(FleetInvocationTest, ChangingTheWholeFleetNeedsAll) {
  for (const char* line :
       {"freeze nginx", "unfreeze nginx", "pull nginx", "rollback nginx 8df1", "deploy sync",
        "deploy sync --order-by-tags a", "freeze nginx --skip 0"}) {
    const auto invocation = Parse(line);
    ASSERT_FALSE(invocation.ok()) << line;
    EXPECT_THAT(std::string(invocation.status().message()),
                AllOf(HasSubstr("the whole fleet"), HasSubstr("--all")));
    EXPECT_TRUE(Parse(std::string(line) + " --all").ok()) << line;
    for (const char* narrowing :
         {" --on web*", " --tagged a", " --skip 1", " --every 2", " --limit 1", " --all"}) {
      EXPECT_TRUE(Parse(std::string(line) + narrowing).ok()) << line << narrowing;
    }
  }
  for (const char* line : {"list hosts", "list services", "plan sync", "diff nginx", "check",
                           "freeze nginx @web1", "deploy --plan t1"}) {
    EXPECT_TRUE(Parse(line).ok()) << line;
  }
}

TEST(FleetInvocationTest, ErrorsSayWhatIsWrongAndWhatWasMeant) {
  const struct {
    const char* line;
    const char* message;
  } kCases[] = {
      {"deploy snyc --all", "unknown action \"snyc\" (did you mean \"sync\"?)"},
      {"plan push swtich", "did you mean \"switch\"?"},
      {"plan", "usage: gitopsctl plan ACTION…"},
      {"deploy --all", "deploy needs actions (skip, push,"},
      {"deploy --plan t1 sync --canary 1 --on web1", "omit sync, --on, --canary"},
      {"deploy --plan t1 --all", "omit --all"},
      {"deploy --plan=", "--plan: the value is empty"},
      {"plan sync --plan t1", "--plan cannot be used with plan; it is for deploy"},
      {"plan sync --detach", "--detach cannot be used with plan"},
      {"plan sync --canary -1", "--canary: '-1' is not a number of 0 or more"},
      {"plan sync --batch 0", "--batch: '0' is not a number of 1 or more, or a percentage"},
      {"plan sync --batch 101%", "--batch: '101%' is not"},
      {"plan sync --max-failures some", "--max-failures: 'some' is not"},
      {"plan sync --max-parallel 0", "--max-parallel: '0' is not a number of 1 or more"},
      {"plan sync --limit 1e3", "--limit: '1e3' is not a number"},
      {"plan sync --limit 99999999999", "is not a number"},
      {"plan sync --on-failure rolback", "did you mean rollback?"},
      {"plan sync --pause-between soon", "--pause-between: 'soon' is not a duration"},
      {"plan sync --revision main", "--revision: 'main' is not a revision"},
      {"plan sync --tagged a,,b", "--tagged: 'a,,b' is not a list A,B"},
      {"plan sync --on=", "--on: the value is empty"},
      {"plan sync --on", "--on"},
      {"hooks test pre-dploy", "did you mean \"pre-deploy\"?"},
      {"hooks test pre-deploy --result ok",
       "--result is the result of the step that a post- hook receives"},
      {"hooks test post-deploy --result good",
       "--result: 'good' is not one of ok, failed, skipped"},
      {"list hosts --reason x", "--reason cannot be used with list hosts"},
      {"list hosts --context x", "stored contexts are not part of this version"},
  };
  for (const auto& c : kCases) {
    const auto invocation = Parse(c.line);
    ASSERT_FALSE(invocation.ok()) << c.line;
    EXPECT_EQ(invocation.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(invocation.status().message()), HasSubstr(c.message)) << c.line;
  }
}

TEST(FleetInvocationTest, AHostOfTheFleetIsReachedThroughTheGateway) {
  const Variables variables = {{"GITOPS_GATEWAY", "https://ops.example"}};
  for (const char* line : {"list services @web1", "freeze nginx @web1:8004"}) {
    const auto invocation = Parse(line, variables);
    ASSERT_TRUE(invocation.ok()) << invocation.status();
    EXPECT_EQ(HostName(*invocation), "web1");
    EXPECT_EQ(invocation->flags.gateway, "https://ops.example");
    EXPECT_THAT(Describe(*invocation), HasSubstr(" on web1:8004 through https://ops.example"));
  }
  // An address is called directly: the variable does not mean it.
  for (const char* line : {"list services @web1:9000", "list services @unix:/run/agent.sock"}) {
    EXPECT_EQ(Parse(line, variables)->flags.gateway, "") << line;
    const auto refused = Parse(absl::StrCat(line, " --gateway https://ops.example"));
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("without a port")) << line;
  }
}

TEST(FleetInvocationTest, AGatewayMayHaveItsOwnAuthority) {
  const auto invocation = Parse("list hosts --gateway https://ops.example --tls-dir /x");
  ASSERT_TRUE(invocation.ok()) << invocation.status();
  EXPECT_EQ(invocation->flags.tls_dir, "/x");
  EXPECT_TRUE(Parse("list hosts --planner p --tls-dir /x").ok());
  EXPECT_TRUE(Parse("version", {{"GITOPS_GATEWAY", "not a URL"}, {"GITOPS_TLS_DIR", "/x"}}).ok());
}

TEST(FleetInvocationTest, PlannerComesFromFlagThenVariableThenDefault) {
  EXPECT_EQ(ServerOf(*Parse("list hosts")), "127.0.0.1:8001");
  const Variables variables = {{"GITOPS_PLANNER", "p:1"}, {"GITOPS_HOOK_DISPATCHER", "h:2"}};
  EXPECT_EQ(ServerOf(*Parse("list hosts", variables)), "p:1");
  EXPECT_EQ(ServerOf(*Parse("list hosts --planner q:3", variables)), "q:3");
  EXPECT_EQ(ServerOf(*Parse("list hooks", variables)), "h:2");
  EXPECT_EQ(ServerOf(*Parse("list services @web1", variables)), "");
  EXPECT_EQ(ServerOf(*Parse("version", variables)), "");
}

TEST(FleetInvocationTest, VariablesNeverChooseHosts) {
  const Variables variables = {
      {"GITOPS_ALL", "1"}, {"GITOPS_ON", "web1"}, {"GITOPS_PLAN", "t1"}, {"GITOPS_CANARY", "x"}};
  EXPECT_FALSE(Parse("deploy sync", variables).ok());
  EXPECT_TRUE(Parse("deploy sync --all", variables).ok());
}

TEST(FleetInvocationTest, OnlyALiteralNameSelectsOneHost) {
  const struct {
    const char* line;
    bool one;
  } kCases[] = {
      {"freeze nginx --on web1.example", true}, {"freeze nginx --on web*", false},
      {"freeze nginx --on web?", false},        {"freeze nginx --on web[1]", false},
      {"freeze nginx --on {a,b}", false},       {"freeze nginx --on a --on b", false},
      {"freeze nginx --limit 1", false},        {"freeze nginx --all", false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(SelectsOneHost(Parse(c.line)->flags.spec.selection()), c.one) << c.line;
  }
}

}  // namespace
}  // namespace gitops::ctl
