#include "services/planner/step/step_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using List = std::vector<std::string>;

std::string Word(v1::StepResult result) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::StepResult_Name(result), "STEP_RESULT_"));
}

List Words(absl::string_view text) { return absl::StrSplit(text, ' ', absl::SkipEmpty()); }

HostProgress Begun(std::vector<std::string> actions) {
  HostProgress progress;
  progress.remaining = std::move(actions);
  return progress;
}

// A host whose hooks and actions answer as configured, and its moves, in order:
// "pre-deploy(sync reboot)", "post-deploy(reboot)=ok", "sync", "+push" (implied), "checks"…
struct Rehearsal {
  HostPolicy policy;
  // By point: the answer of the Nth call ("=": the payload); the last one also answers all later
  // calls.
  std::map<std::string, List> hooks;
  // Moves that fail: an action, "pre-deploy-checks" or "health-checks".
  std::set<std::string> failing;

  HostProgress host;
  List trace;
  std::map<std::string, size_t> asked;

  List Answer(const Move& move) {
    const auto hook = hooks.find(move.point);
    if (hook == hooks.end()) return host.remaining;
    const size_t call = std::min(asked[move.point]++, hook->second.size() - 1);
    const std::string& answer = hook->second[call];
    return answer == "=" ? host.remaining : Words(answer);
  }

  std::string Name(const Move& move) const {
    switch (move.kind) {
      case Move::Kind::kHook: {
        const bool post = move.point.starts_with("post-");
        return absl::StrCat(move.point, "(", absl::StrJoin(host.remaining, " "), ")",
                            post ? "=" : "", post ? Word(host.step_outcome) : "");
      }
      case Move::Kind::kPreDeployChecks:
        return "pre-deploy-checks";
      case Move::Kind::kHealthChecks:
        return "health-checks";
      case Move::Kind::kReboot:
        return "reboot";
      default:
        break;
    }
    const char* phase[] = {"", ":all", ":pre", ":post"};
    return absl::StrCat(move.implied ? "+" : "", move.action,
                        phase[static_cast<int>(move.secrets)]);
  }

  // One move; false: it has ended.
  bool Step() {
    const Move move = NextMove(host, policy);
    if (move.kind == Move::Kind::kNone) {
      host = After(host, policy, move, {});  // tells how it ended
      return false;
    }
    MoveResult result;
    const std::string name = Name(move);
    trace.push_back(name);
    if (move.kind == Move::Kind::kHook) result.actions = Answer(move);
    if (failing.contains(name)) {
      result.outcome = v1::STEP_RESULT_FAILED;
      result.error = absl::StrCat(name, " failed");
    }
    host = After(host, policy, move, result);
    return true;
  }

  List Run(absl::string_view actions) {
    host = Begun(Words(actions));
    while (Step()) {
    }
    return trace;
  }
};

Rehearsal WithoutChecks() {
  Rehearsal rehearsal;
  rehearsal.policy = {.hooks = true, .health_checks = false, .pre_deploy_checks = false};
  return rehearsal;
}

Rehearsal Bare() {
  Rehearsal rehearsal;
  rehearsal.policy = {.hooks = false, .health_checks = false, .pre_deploy_checks = false};
  return rehearsal;
}

// The rules of the seed, by name.

TEST(SeedRule, ActionsArePerformedLeftToRightAndRemovedWhenDone) {
  Rehearsal host = WithoutChecks();
  EXPECT_THAT(host.Run("upload-secrets sync reboot freeze"),
              ElementsAre("pre-deploy(upload-secrets sync reboot freeze)", "upload-secrets:pre",
                          "sync", "+upload-secrets:post", "post-deploy(reboot freeze)=ok",
                          "pre-reboot(reboot freeze)", "reboot", "post-reboot(freeze)=ok",
                          "pre-deploy(freeze)", "freeze", "post-deploy()=ok"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
}

TEST(SeedRule, ActionsAreRepeatableAndNeverCollapsed) {
  EXPECT_THAT(Bare().Run("push push switch reboot reboot"),
              ElementsAre("push", "push", "switch", "reboot", "reboot"));
}

TEST(SeedRule, PushIsPerformedTransparentlyBeforeSwitchAndItsKin) {
  EXPECT_THAT(Bare().Run("switch"), ElementsAre("+push", "switch"));
  EXPECT_THAT(Bare().Run("switch-boot reboot test"),
              ElementsAre("+push", "switch-boot", "reboot", "test"));
  EXPECT_THAT(Bare().Run("test push"), ElementsAre("+push", "test", "push"));
  EXPECT_THAT(Bare().Run("push switch"), ElementsAre("push", "switch"));
  EXPECT_THAT(Bare().Run("sync freeze"), ElementsAre("sync", "freeze"));
}

TEST(SeedRule, SkipIgnoresTheRemainingActionsOnTheHost) {
  Rehearsal host = Bare();
  EXPECT_THAT(host.Run("push skip switch"), ElementsAre("push"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
  Rehearsal untouched = Bare();
  EXPECT_THAT(untouched.Run("skip switch"), ElementsAre());
  EXPECT_EQ(untouched.host.end, v1::HOST_DEPLOYMENT_STATE_SKIPPED);
}

TEST(SeedRule, DryActivateIsNoDeployStep) {
  EXPECT_THAT(WithoutChecks().Run("dry-activate sync dry-activate"),
              ElementsAre("dry-activate", "pre-deploy(sync dry-activate)", "sync",
                          "post-deploy(dry-activate)=ok", "dry-activate"));
}

TEST(SeedRule, RebootHooksRunOnlyIfARebootIsRequested) {
  EXPECT_THAT(WithoutChecks().Run("sync"),
              ::testing::AllOf(::testing::Not(::testing::IsEmpty()),
                               ::testing::Each(::testing::Not(HasSubstr("reboot")))));
}

TEST(SeedRule, WhatAHookAnswersIsTheHostsList) {
  Rehearsal host = WithoutChecks();
  host.hooks["pre-deploy"] = {"freeze reboot"};
  EXPECT_THAT(host.Run("push switch"),
              ElementsAre("pre-deploy(push switch)", "freeze", "post-deploy(reboot)=ok",
                          "pre-reboot(reboot)", "reboot", "post-reboot()=ok"));
}

// The rest of the rules.

TEST(StepMachine, AHookThatSkipsAHostLeavesItUntouchedAndItsPostHookIsToldSo) {
  Rehearsal host;
  host.hooks["pre-deploy"] = {"skip sync"};
  EXPECT_THAT(host.Run("sync"), ElementsAre("pre-deploy(sync)", "post-deploy()=skipped"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_SKIPPED);
}

TEST(StepMachine, AStepWhoseActionsAreTakenAwayIsSkippedAndTheRestIsKept) {
  Rehearsal host = WithoutChecks();
  host.hooks["pre-deploy"] = {"reboot sync", "="};
  EXPECT_THAT(host.Run("sync"),
              ElementsAre("pre-deploy(sync)", "post-deploy(reboot sync)=skipped",
                          "pre-reboot(reboot sync)", "reboot", "post-reboot(sync)=ok",
                          "pre-deploy(sync)", "sync", "post-deploy()=ok"));
}

TEST(StepMachine, WhatAPostHookAddsRunsAsAFurtherStepWithItsOwnHooks) {
  Rehearsal host = WithoutChecks();
  host.hooks["post-deploy"] = {"freeze", "="};
  EXPECT_THAT(host.Run("sync"), ElementsAre("pre-deploy(sync)", "sync", "post-deploy()=ok",
                                            "pre-deploy(freeze)", "freeze", "post-deploy()=ok"));
}

TEST(StepMachine, HealthChecksComeLastAndOnceForAnUnchangedHost) {
  Rehearsal host;
  EXPECT_THAT(host.Run("sync"),
              ElementsAre("pre-deploy(sync)", "pre-deploy-checks", "sync", "post-deploy()=ok",
                          "pre-healthchecks()", "health-checks", "post-healthchecks()=ok"));
}

TEST(StepMachine, WhatAHealthCheckHookAddsIsDoneAndCheckedAgain) {
  Rehearsal host;
  host.policy.pre_deploy_checks = false;
  host.hooks["pre-healthchecks"] = {"reboot", "="};
  EXPECT_THAT(host.Run(""),
              ElementsAre("pre-healthchecks()", "health-checks", "post-healthchecks(reboot)=ok",
                          "pre-reboot(reboot)", "reboot", "post-reboot()=ok", "pre-healthchecks()",
                          "health-checks", "post-healthchecks()=ok"));
}

TEST(StepMachine, SkipAtHealthChecksLeavesThemOut) {
  Rehearsal host;
  host.policy.pre_deploy_checks = false;
  host.hooks["pre-healthchecks"] = {"skip"};
  EXPECT_THAT(host.Run("sync"), ElementsAre("pre-deploy(sync)", "sync", "post-deploy()=ok",
                                            "pre-healthchecks()", "post-healthchecks()=skipped"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
}

TEST(StepMachine, PreDeployChecksRunOnceBeforeTheFirstChange) {
  Rehearsal host;
  host.policy.health_checks = false;
  host.policy.hooks = false;
  EXPECT_THAT(host.Run("dry-activate reboot sync reboot"),
              ElementsAre("dry-activate", "pre-deploy-checks", "reboot", "sync", "reboot"));
}

TEST(StepMachine, AFailedPreDeployCheckChangesNothingAndGivesBackWhatThePreHookTook) {
  Rehearsal host;
  host.failing = {"pre-deploy-checks"};
  EXPECT_THAT(host.Run("sync reboot"), ElementsAre("pre-deploy(sync reboot)", "pre-deploy-checks",
                                                   "post-deploy(sync reboot)=failed"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_FAILED);
  EXPECT_EQ(host.host.error, "pre-deploy-checks failed");
}

TEST(StepMachine, AFailedActionEndsTheHostAfterItsPostHookAndStaysInTheList) {
  Rehearsal host;
  host.failing = {"freeze"};
  host.hooks["post-deploy"] = {"reboot"};
  EXPECT_THAT(host.Run("sync freeze reboot"),
              ElementsAre("pre-deploy(sync freeze reboot)", "pre-deploy-checks", "sync", "freeze",
                          "post-deploy(freeze reboot)=failed"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_FAILED);
  EXPECT_EQ(host.host.remaining, Words("freeze reboot"));
}

TEST(StepMachine, AFailedPushKeepsTheSwitchThatNeededIt) {
  Rehearsal host = Bare();
  host.failing = {"+push"};
  EXPECT_THAT(host.Run("switch"), ElementsAre("+push"));
  EXPECT_EQ(host.host.remaining, Words("switch"));
}

TEST(StepMachine, AResumedHostGoesOnWithTheActionThatFailedInANewStep) {
  Rehearsal host = WithoutChecks();
  host.failing = {"freeze"};
  host.Run("sync freeze reboot");
  host.failing.clear();
  host.trace.clear();
  const int moves = host.host.moves;
  host.host = Resumed(host.host, host.policy);
  EXPECT_EQ(NextMove(host.host, host.policy).number, moves) << "no operation id is used twice";
  EXPECT_EQ(NextMove(host.host, host.policy).step_number, 2);
  while (host.Step()) {
  }
  EXPECT_THAT(host.trace,
              ElementsAre("pre-deploy(freeze reboot)", "freeze", "post-deploy(reboot)=ok",
                          "pre-reboot(reboot)", "reboot", "post-reboot()=ok"));
}

TEST(StepMachine, AFailedPreHookFailsItsStepAndGivesBackWhatOthersBeforeItTook) {
  Rehearsal host;
  host.failing = {"pre-reboot(reboot)"};
  EXPECT_THAT(
      host.Run("sync reboot"),
      ElementsAre("pre-deploy(sync reboot)", "pre-deploy-checks", "sync", "post-deploy(reboot)=ok",
                  "pre-reboot(reboot)", "post-reboot(reboot)=failed"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_FAILED);
  EXPECT_EQ(host.host.error, "pre-reboot(reboot) failed");
  EXPECT_EQ(host.host.remaining, Words("reboot"));
}

TEST(StepMachine, AHookThatFailsBeforeAndAfterIsToldWhollyAndResumedInANewStep) {
  Rehearsal host = WithoutChecks();
  host.failing = {"pre-deploy(sync)", "post-deploy(sync)=failed"};
  host.Run("sync");
  EXPECT_EQ(host.host.error, "pre-deploy(sync) failed; then post-deploy(sync)=failed failed");
  host.failing.clear();
  host.trace.clear();
  host.host = Resumed(host.host, host.policy);
  EXPECT_EQ(NextMove(host.host, host.policy).step_number, 2);
  while (host.Step()) {
  }
  EXPECT_THAT(host.trace, ElementsAre("pre-deploy(sync)", "sync", "post-deploy()=ok"));
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
}

TEST(StepMachine, OnlyAPostHookOfAStepThatDidNotFailKeepsItsPlace) {
  Rehearsal host = WithoutChecks();
  host.host = Begun(Words("sync"));
  EXPECT_FALSE(KeepsItsPlace(host.host)) << "pre-deploy";
  host.Step();
  host.Step();
  EXPECT_TRUE(KeepsItsPlace(host.host)) << "post-deploy, ok";
  host.failing = {"sync"};
  host.host = Begun(Words("sync"));
  host.Step();
  host.Step();
  EXPECT_FALSE(KeepsItsPlace(host.host)) << "post-deploy, failed";
}

TEST(StepMachine, AResumedHostThatStoppedAtAHookAsksThatHookAgain) {
  Rehearsal host = WithoutChecks();
  host.host = Begun(Words("sync"));
  host.Step();
  host.Step();
  const HostProgress stopped = host.host;
  EXPECT_EQ(NextMove(stopped, host.policy).point, "post-deploy");
  EXPECT_EQ(NextMove(Resumed(stopped, host.policy), host.policy).point, "post-deploy");
}

TEST(StepMachine, HooksThatUndoEachOtherEndAfterAHundredSteps) {
  Rehearsal host = WithoutChecks();
  host.hooks["post-deploy"] = {"freeze"};
  const List trace = host.Run("freeze");
  EXPECT_EQ(std::count(trace.begin(), trace.end(), "freeze"), kMostSteps);
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_FAILED);
  EXPECT_THAT(host.host.error, HasSubstr("100 steps"));
  // Resumed, it may take as many again.
  host.hooks.clear();
  host.host = Resumed(host.host, host.policy);
  while (host.Step()) {
  }
  EXPECT_EQ(host.host.end, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
}

TEST(StepMachine, SecretsAreUploadedAroundTheActivation) {
  struct Case {
    const char* reason;
    const char* actions;
    List trace;
  };
  const Case cases[] = {
      {"alone it uploads all", "upload-secrets", {"upload-secrets:all"}},
      {"before it, there is nothing to wait for",
       "sync upload-secrets",
       {"sync", "upload-secrets:all"}},
      {"around a sync",
       "upload-secrets sync freeze",
       {"upload-secrets:pre", "sync", "+upload-secrets:post", "freeze"}},
      {"a system that is switched to at boot is activated by the reboot",
       "upload-secrets switch-boot reboot",
       {"upload-secrets:pre", "+push", "switch-boot", "reboot", "+upload-secrets:post"}},
      {"without a reboot nobody knows when, so at once",
       "upload-secrets switch-boot",
       {"upload-secrets:pre", "+push", "switch-boot", "+upload-secrets:post"}},
      {"a reboot alone activates nothing new",
       "upload-secrets reboot",
       {"upload-secrets:all", "reboot"}},
      {"what stands behind skip does not come", "upload-secrets skip sync", {"upload-secrets:all"}},
  };
  for (const Case& c : cases) EXPECT_EQ(Bare().Run(c.actions), c.trace) << c.reason;
}

TEST(StepMachine, SecretsThatWaitForAnActivationAHookTookAwayAreUploadedAllTheSame) {
  Rehearsal host = WithoutChecks();
  host.hooks["post-deploy"] = {"", "="};
  EXPECT_THAT(host.Run("upload-secrets reboot sync"),
              ElementsAre("pre-deploy(upload-secrets reboot sync)", "upload-secrets:pre",
                          "post-deploy(reboot sync)=ok", "pre-deploy()", "+upload-secrets:post",
                          "post-deploy()=ok"));
}

TEST(StepMachine, OnlyTheFirstMoveOfAStepMayBeStoppedBefore) {
  for (const bool hooks : {true, false}) {
    Rehearsal host;
    host.policy.hooks = hooks;
    host.host = Begun(Words("sync freeze reboot"));
    int begun = 0;
    int last_step = 0;
    for (;;) {
      const Move move = NextMove(host.host, host.policy);
      if (move.kind == Move::Kind::kNone) break;
      if (move.begins_step && move.step_number != last_step) ++begun;
      if (move.step_number != last_step) EXPECT_TRUE(move.begins_step) << host.Name(move);
      last_step = move.step_number;
      host.Step();
    }
    EXPECT_EQ(begun, 3) << "deploy, reboot, healthchecks; hooks: " << hooks;
  }
}

TEST(StepMachine, TheNextMoveIsTheSameAfterARestart) {
  Rehearsal host;
  host.host = Begun(Words("upload-secrets sync reboot"));
  do {
    const HostProgress restored = host.host;
    EXPECT_EQ(NextMove(restored, host.policy), NextMove(host.host, host.policy));
  } while (host.Step());
}

TEST(StepMachine, EveryMoveHasANumberOfItsOwn) {
  Rehearsal host;
  host.host = Begun(Words("upload-secrets switch reboot freeze"));
  int expected = 0;
  while (NextMove(host.host, host.policy).kind != Move::Kind::kNone) {
    EXPECT_EQ(NextMove(host.host, host.policy).number, expected++);
    host.Step();
  }
  EXPECT_GT(expected, 10);
}

// What `move` came to where the agent went away with the answer.
MoveResult Lost() {
  MoveResult lost;
  lost.outcome = v1::STEP_RESULT_FAILED;
  lost.error = "it went away";
  lost.unknown = true;
  return lost;
}

void Make(HostProgress& host, const HostPolicy& policy, const MoveResult& result) {
  const Move move = NextMove(host, policy);
  host = After(std::move(host), policy, move, result);
}

TEST(StepMachine, AnActionOfWhichNothingIsKnownKeepsItsNumberUntilSomethingIs) {
  const HostPolicy policy{.hooks = false, .health_checks = false, .pre_deploy_checks = false};
  HostProgress host = Begun({"freeze", "sync", "freeze"});
  Make(host, policy, {});
  const Move sync = NextMove(host, policy);
  for (int round = 0; round < 2; ++round) {
    Make(host, policy, Lost());
    ASSERT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_FAILED);
    host = Resumed(std::move(host), policy);
    EXPECT_EQ(NextMove(host, policy).action, "sync");
    EXPECT_EQ(NextMove(host, policy).number, sync.number);
  }
  MoveResult failed;
  failed.outcome = v1::STEP_RESULT_FAILED;
  Make(host, policy, failed);
  host = Resumed(std::move(host), policy);
  EXPECT_GT(NextMove(host, policy).number, sync.number) << "that it failed is known";
}

TEST(StepMachine, AnotherActionHasANumberOfItsOwn) {
  const HostPolicy policy{.hooks = true, .health_checks = false, .pre_deploy_checks = false};
  HostProgress host = Begun({"sync"});
  Make(host, policy, {.actions = {"sync"}});
  Make(host, policy, Lost());
  Make(host, policy, {});
  host = Resumed(std::move(host), policy);
  Make(host, policy, {.actions = {"freeze", "sync"}});
  EXPECT_EQ(NextMove(host, policy).number, host.moves);
  Make(host, policy, {});
  EXPECT_EQ(NextMove(host, policy).action, "sync");
  EXPECT_EQ(NextMove(host, policy).number, host.moves);
}

// A host that failed in its second step, and what it had moved.
HostProgress RollingBackHost(std::vector<Return> returns, std::optional<OpenOperation> open = {}) {
  HostProgress host;
  host.remaining = {"freeze"};
  host.steps = 2;
  host.moves = 7;
  host.error = "freeze: no";
  host.end = v1::HOST_DEPLOYMENT_STATE_FAILED;
  host.step_outcome = v1::STEP_RESULT_FAILED;
  host.open = std::move(open);
  return RollingBack(std::move(host), std::move(returns));
}

const Return kWeb = {.service = "web", .from_hash = "22", .to_hash = "11"};
const Return kDb = {.service = "db", .from_hash = "22", .to_hash = "11"};

TEST(Rollback, IsAStepOfItsOwnWithoutHooksAndChecksInTheOrderTold) {
  const HostPolicy policy;
  HostProgress host = RollingBackHost({kWeb, kDb});
  Move expected = {.kind = Move::Kind::kPerform,
                   .step = v1::STEP_KIND_ROLLBACK,
                   .step_number = 3,
                   .number = 7,
                   .action = "sync",
                   .service = "web",
                   .hash = "11",
                   .begins_step = false};
  EXPECT_TRUE(NextMove(host, policy) == expected);
  host = After(host, policy, NextMove(host, policy), {});
  expected.service = "db";
  expected.number = 8;
  EXPECT_TRUE(NextMove(host, policy) == expected);
  host = After(host, policy, NextMove(host, policy), {});
  EXPECT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK);
  EXPECT_EQ(host.error, "");
  EXPECT_EQ(host.step_outcome, v1::STEP_RESULT_OK);
  EXPECT_THAT(host.remaining, ElementsAre("freeze"));
}

TEST(Rollback, GoesOnAfterAServiceThatIsNotReturned) {
  HostProgress host = RollingBackHost({kWeb, kDb});
  host = After(host, {}, NextMove(host, {}),
               {.outcome = v1::STEP_RESULT_FAILED, .error = "disk full", .unknown = true});
  EXPECT_EQ(NextMove(host, {}).service, "db");
  host = After(host, {}, NextMove(host, {}), {});
  EXPECT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED);
  EXPECT_EQ(host.step_outcome, v1::STEP_RESULT_FAILED);
  EXPECT_EQ(host.error, "web could not be brought back to 11 (disk full)");
}

TEST(Rollback, AServiceThatHadNothingPublishedStays) {
  HostProgress host = RollingBackHost({{.service = "new", .from_hash = "22"}});
  EXPECT_EQ(NextMove(host, {}).kind, Move::Kind::kNone);
  host = After(host, {}, NextMove(host, {}), {});
  EXPECT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED);
  EXPECT_EQ(host.error, "new stays at 22 (nothing was published before)");
}

TEST(Rollback, OfAHostThatMovedNothingHasEnded) {
  HostProgress host = RollingBackHost({});
  EXPECT_EQ(NextMove(host, {}).kind, Move::Kind::kNone);
  EXPECT_EQ(After(host, {}, NextMove(host, {}), {}).end, v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK);
}

TEST(Rollback, AnOpenSyncIsAskedForUnderItsNumberAndTellsWhatToReturn) {
  HostProgress host = RollingBackHost({kDb}, OpenOperation{.number = 4, .action = "sync"});
  const Move move = NextMove(host, {});
  EXPECT_TRUE(move.Learns());
  EXPECT_EQ(move.number, 4);
  host = After(host, {}, move, {.returns = {kWeb, kDb}});
  EXPECT_EQ(NextMove(host, {}).service, "web");
  EXPECT_EQ(NextMove(host, {}).number, 8);
  host = After(host, {}, NextMove(host, {}), {});
  host = After(host, {}, NextMove(host, {}), {});
  EXPECT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK);
}

TEST(Rollback, WhatAnOpenSyncMovedMayStayUnknown) {
  HostProgress host = RollingBackHost({}, OpenOperation{.number = 4, .action = "sync"});
  host = After(
      host, {}, NextMove(host, {}),
      {.outcome = v1::STEP_RESULT_FAILED, .error = "lost", .unknown = true, .returns = {kWeb}});
  EXPECT_EQ(NextMove(host, {}).service, "web");
  host = After(host, {}, NextMove(host, {}), {});
  EXPECT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED);
  EXPECT_EQ(host.error, "it is not known what sync moved (lost)");
}

TEST(Rollback, AnOpenActionThatMovesNothingIsNotAskedForAgain) {
  HostProgress host = RollingBackHost({kWeb}, OpenOperation{.number = 4, .action = "reboot"});
  EXPECT_EQ(NextMove(host, {}).service, "web");
  EXPECT_EQ(NextMove(host, {}).number, 7);
  host = After(host, {}, NextMove(host, {}), {});
  EXPECT_EQ(host.end, v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK);
  EXPECT_TRUE(host.open.has_value()) << "nobody knows whether it was done";
}

}  // namespace
}  // namespace gitops
