#include "agent/state/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gitops {
namespace {

using testing::HasSubstr;

// Revisions, oldest first.
const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

// A service that follows and is at `revision`.
ServiceRecord At(const std::string& revision) {
  ServiceRecord record;
  record.hash = record.published = record.target = record.last_good = revision;
  return Settled(record);
}

ServiceRecord With(ServiceRecord record, void (*change)(ServiceRecord&)) {
  change(record);
  return Settled(std::move(record));
}

struct StepCase {
  std::string reason;
  ServiceRecord record;
  Policy policy;
  std::string visible;
  Step want;
};

TEST(NextStepTest, FollowsFromTheRecordAndWhatIsVisible) {
  const ServiceRecord moved = OnTip(At(kA), kB);
  const ServiceRecord frozen = OnFreeze(moved, "alice");
  const ServiceRecord pinned = OnRollback(At(kB), kA, "alice");
  const std::vector<StepCase> cases = {
      {"nothing is known yet", {}, {}, "", {}},
      {"at the tip", At(kA), {}, kA, {}},
      {"the tip moved: first see whether it matters",
       moved,
       {},
       kA,
       {Step::Kind::kCompare, kB, kB}},
      {"the tip moved, but what is visible is not what was published: no comparing",
       moved,
       {},
       "",
       {Step::Kind::kPublish, kB, kB}},
      {"the first revision", OnTip({}, kA), {}, "", {Step::Kind::kPublish, kA, kA}},
      {"after a reboot nothing is mounted", At(kA), {}, "", {Step::Kind::kPublish, kA, kA}},
      {"a reboot while frozen: what it was frozen at comes back",
       frozen,
       {},
       "",
       {Step::Kind::kPublish, kA, kA}},
      {"frozen: the tip does not matter", frozen, {}, kA, {}},
      {"a rollback", pinned, {}, kB, {Step::Kind::kCompare, kA, kA}},
      {"the hash moved on over commits that changed nothing: what is on disk serves",
       OnSameContent(At(kA), kB),
       {},
       "",
       {Step::Kind::kPublish, kA, kA}},
      {"coordinated: publishes nothing until told", OnTip({}, kA), {.coordinated = true}, "", {}},
      {"coordinated: goes where the deployment says, not to the tip",
       With(OnTip(At(kA), kC), [](ServiceRecord& r) { r.coordinated = kB; }),
       {.coordinated = true},
       kA,
       {Step::Kind::kCompare, kB, kB}},
      {"killed before the exchange",
       OnPublishing(moved, kB),
       {},
       kA,
       {Step::Kind::kPublish, kB, kB}},
      {"killed after the exchange: only the activation is left",
       OnPublishing(moved, kB),
       {},
       kB,
       {Step::Kind::kActivate, kB, kB}},
      {"a rollback killed after the exchange, of which only the order is stored: the same",
       pinned,
       {},
       kA,
       {Step::Kind::kActivate, kA, kA}},
      {"a deployment's move killed after the exchange",
       OnSync(At(kA), kB),
       {.coordinated = true},
       kB,
       {Step::Kind::kActivate, kB, kB}},
      {"a rollback killed after the exchange, then frozen: back to what it is frozen at",
       OnFreeze(pinned, "bob"),
       {},
       kA,
       {Step::Kind::kPublish, kB, kB}},
      {"killed between the exchanges of two directories",
       OnPublishing(moved, kB),
       {},
       "",
       {Step::Kind::kPublish, kB, kB}},
      {"killed in the middle, then frozen: back to what it is frozen at",
       OnFreeze(OnPublishing(moved, kB), "alice"),
       {},
       kB,
       {Step::Kind::kPublish, kA, kA}},
      {"activation failed and nothing to go back to: the action again",
       OnActivationFailed(OnPublished(OnTip({}, kA), {Step::Kind::kPublish, kA, kA}), "exit 1"),
       {},
       kA,
       {Step::Kind::kActivate, kA, kA}},
      {"went back to the last good: the target is tried again, whatever it contains",
       OnFellBack(OnActivationFailed(OnPublished(moved, {Step::Kind::kPublish, kB, kB}), "exit 1"),
                  kA, ""),
       {},
       kA,
       {Step::Kind::kPublish, kB, kB}},
      {"a failed activation is made again after freeze and unfreeze",
       OnUnfreeze(OnFreeze(
           OnActivationFailed(OnPublished(moved, {Step::Kind::kPublish, kB, kB}), "exit 1"),
           "alice")),
       {},
       kB,
       {Step::Kind::kActivate, kB, kB}},
      {"published, not activated, then a bad tip and back: the activation is not forgotten",
       OnTip(OnSourceFailed(OnTip(OnPublished(moved, {Step::Kind::kPublish, kB, kB}), kC), "bad"),
             kB),
       {},
       kB,
       {Step::Kind::kActivate, kB, kB}},
      {"frozen services are not activated again",
       With(frozen, [](ServiceRecord& r) { r.activation_error = "exit 1"; }),
       {},
       kA,
       {}},
  };
  for (const StepCase& test : cases) {
    EXPECT_EQ(NextStep(test.record, test.policy, test.visible), test.want) << test.reason;
  }
}

struct StateCase {
  std::string reason;
  ServiceRecord record;
  State want;
  std::string info;
};

TEST(SettledTest, StateAndInfoFollowFromWhatIsWrongAndWhatWasAsked) {
  const Step to_b{Step::Kind::kPublish, kB, kB};
  const ServiceRecord moved = OnTip(At(kA), kB);
  const ServiceRecord broken = OnActivationFailed(OnPublished(moved, to_b), "unit failed");
  const ServiceRecord rolling = OnRollback(At(kB), kA, "alice");
  const Step to_a{Step::Kind::kPublish, kA, kA};
  const std::vector<StateCase> cases = {
      {"nothing wrong", At(kA), State::kOk, ""},
      {"nothing published yet", NewRecord({}), State::kDiff, "nothing is published yet"},
      {"a tip is known, but nothing published yet", OnTip(NewRecord({}), kA), State::kDiff,
       "nothing is published yet"},
      {"the first publication",
       OnActivated(OnPublished(OnTip(NewRecord({}), kA), {Step::Kind::kPublish, kA, kA})),
       State::kOk, ""},
      {"waiting for a deployment", NewRecord({.coordinated = true}), State::kOk, ""},
      {"one failed poll makes DIFF", OnPollFailed(At(kA), "no answer"), State::kDiff, "no answer"},
      {"a poll that works again", OnTip(OnPollFailed(At(kA), "no answer"), kA), State::kOk, ""},
      {"a revision that is refused", OnSourceFailed(moved, "symlink out"), State::kDiff,
       "symlink out"},
      {"the same tip again does not make it good", OnTip(OnSourceFailed(moved, "symlink out"), kB),
       State::kDiff, "symlink out"},
      {"a new tip may be good", OnTip(OnSourceFailed(moved, "symlink out"), kC), State::kOk, ""},
      {"a failed unit", broken, State::kBroken, "unit failed"},
      {"BROKEN weighs more than a silent upstream", OnPollFailed(broken, "no answer"),
       State::kBroken, "unit failed; no answer"},
      {"healthy looks do not take back a failed activation", OnHealth(broken, ""), State::kBroken,
       "unit failed"},
      {"the next good activation does", OnActivated(broken), State::kOk, ""},
      {"a unit that failed by itself", OnHealth(At(kA), "unit x failed"), State::kBroken,
       "unit x failed"},
      {"and recovered by itself", OnHealth(OnHealth(At(kA), "unit x failed"), ""), State::kOk, ""},
      {"drift", OnDrift(At(kA), "changed: /etc/x"), State::kDiff, "changed: /etc/x"},
      {"drift that was undone", OnDrift(OnDrift(At(kA), "changed: /etc/x"), ""), State::kOk, ""},
      {"frozen", OnFreeze(At(kA), "alice"), State::kFreeze, ""},
      {"frozen while broken", OnFreeze(broken, "alice"), State::kFreeze, ""},
      {"a silent upstream does not concern a frozen service",
       OnPollFailed(OnFreeze(At(kA), "alice"), "no answer"), State::kFreeze, ""},
      {"unfrozen", OnUnfreeze(OnFreeze(At(kA), "alice")), State::kOk, ""},
      {"rolling back", rolling, State::kRollback, "moving to " + kA},
      {"published, not yet activated", OnPublished(rolling, to_a), State::kRollback,
       "moving to " + kA},
      {"rolled back", OnActivated(OnPublished(rolling, to_a)), State::kFreeze, "ROLLBACK: " + kA},
      {"published again after a reboot: still rolled back",
       OnPublishing(OnActivated(OnPublished(rolling, to_a)), kA), State::kFreeze,
       "ROLLBACK: " + kA},
      {"rolled back without a change of content", OnSameContent(rolling, kA), State::kFreeze,
       "ROLLBACK: " + kA},
      {"rolled back to what failed: it is activated again", OnRollback(broken, kB, "carol"),
       State::kRollback, "moving to " + kB},
      {"the rollback's files cannot be had", OnSourceFailed(rolling, "no such path"), State::kDiff,
       "no such path"},
      {"frozen on the way: stays where it is", OnFreeze(rolling, "bob"), State::kFreeze, ""},
      {"frozen again after a rollback: the pin stays",
       OnFreeze(OnActivated(OnPublished(rolling, to_a)), "bob"), State::kFreeze, "ROLLBACK: " + kA},
      {"unfrozen after a rollback", OnUnfreeze(OnActivated(OnPublished(rolling, to_a))), State::kOk,
       ""},
  };
  for (const StateCase& test : cases) {
    EXPECT_EQ(StateName(test.record.state), StateName(test.want)) << test.reason;
    EXPECT_EQ(test.record.info, test.info) << test.reason;
  }
}

TEST(OnLinksTest, WhatWasVerifiedForOtherPathsCountsNoMore) {
  ServiceRecord record = OnLinks(At(kA), {"web"});
  EXPECT_EQ(record.hash, kA);
  record = OnSameContent(OnTip(record, kB), kB);
  EXPECT_EQ(OnLinks(record, {"web"}), record);
  const ServiceRecord others = OnLinks(record, {"db", "web"});
  EXPECT_EQ(others.hash, kA);
  EXPECT_EQ(NextStep(others, {}, kA), (Step{Step::Kind::kCompare, kB, kB}));
  EXPECT_EQ(NextStep(others, {}, ""), (Step{Step::Kind::kPublish, kB, kB}));
  record.links.clear();
  EXPECT_EQ(OnLinks(record, {"db"}).hash, kB) << "an older agent did not say for which";
}

TEST(OnlyTipMovedTest, NothingElseMayHaveChanged) {
  const ServiceRecord at = At(kA);
  const ServiceRecord moved = OnSameContent(OnTip(at, kB), kB);
  struct MoveCase {
    std::string reason;
    ServiceRecord before, after;
    Policy policy;
    bool want;
  };
  const std::vector<MoveCase> cases = {
      {"untouched", at, moved, {}, true},
      {"the generation follows from it",
       at,
       With(moved, [](ServiceRecord& r) { r.generation = 7; }),
       {},
       true},
      {"nothing new", at, at, {}, false},
      {"touched: it is not there yet", at, OnTip(at, kB), {}, false},
      {"coordinated: it stays", at, OnTip(at, kB), {.coordinated = true}, true},
      {"coordinated: a deployment moved it", at, moved, {.coordinated = true}, false},
      {"the upstream answers again", OnPollFailed(at, "no route"), moved, {}, false},
      {"it drifted and still does", OnDrift(at, "/etc/a"), OnDrift(moved, "/etc/a"), {}, true},
      {"it drifted meanwhile", at, OnDrift(moved, "/etc/a"), {}, false},
      {"moving", OnPublishing(at, kB), OnPublishing(moved, kB), {}, false},
      {"frozen", OnFreeze(at, "alice"), OnFreeze(moved, "alice"), {}, false},
  };
  for (const MoveCase& test : cases) {
    EXPECT_EQ(OnlyTipMoved(test.before, test.after, test.policy), test.want) << test.reason;
  }
}

TEST(RollbackTest, ThatFailsServesTheOldRevisionAndIsTriedAgain) {
  const Step to_a{Step::Kind::kPublish, kA, kA};
  ServiceRecord record = OnPublished(OnRollback(At(kB), kA, "alice"), to_a);
  record = OnActivationFailed(record, "unit failed");
  EXPECT_EQ(FallbackRevision(record, {.rollback_on_failure = false}), kB);
  record = OnFellBack(record, kB, "");
  EXPECT_EQ(record.state, State::kBroken);
  EXPECT_EQ(record.hash, kB);
  EXPECT_THAT(record.info, HasSubstr("serving " + kB + " again"));
  EXPECT_EQ(NextStep(record, {}, kB), (Step{Step::Kind::kPublish, kA, kA}));
  EXPECT_EQ(OnTip(record, kC).pinned, kA) << "the next poll must not undo a rollback";
}

TEST(RollbackTest, IsNotReachedBeforeItsRevisionIsActivated) {
  const Step to_a{Step::Kind::kPublish, kA, kA};
  ServiceRecord record = OnPublished(OnRollback(At(kB), kA, "alice"), to_a);
  record = OnActivationFailed(record, "unit failed");
  EXPECT_EQ(record.state, State::kBroken) << "FREEZE would have to be left for BROKEN";
  EXPECT_EQ(OnActivated(record).state, State::kFreeze);
  record = OnFreeze(record, "bob");
  EXPECT_EQ(record.state, State::kFreeze) << "whoever freezes it is obeyed";
  EXPECT_EQ(OnActivationFailed(record, "an action that was under way").state, State::kFreeze);
}

TEST(RollbackTest, ToTheLastGoodRevisionIsNotReachedBeforeThatIsActivatedAgain) {
  const Step to_b{Step::Kind::kPublish, kB, kB}, to_a{Step::Kind::kPublish, kA, kA};
  ServiceRecord record = OnActivationFailed(OnPublished(OnTip(At(kA), kB), to_b), "exit 1");
  record = OnPublished(OnRollback(record, kA, "alice"), to_a);
  EXPECT_EQ(record.state, State::kRollback);
  EXPECT_EQ(OnActivationFailed(record, "exit 1").state, State::kBroken);
  record = OnActivated(record);
  EXPECT_EQ(record.state, State::kFreeze);
  record = OnPublished(record, to_a);  // after a reboot
  EXPECT_EQ(record.state, State::kFreeze);
  EXPECT_EQ(OnActivationFailed(record, "exit 1").state, State::kFreeze);
}

TEST(RollbackTest, IsNotUndoneByTheNextPollAndUnfreezeEndsThePin) {
  ServiceRecord record = OnRollback(At(kB), kA, "alice");
  record = OnActivated(OnPublished(record, {Step::Kind::kPublish, kA, kA}));
  record = OnTip(record, kC);
  EXPECT_EQ(DesiredRevision(record, {}), kA);
  EXPECT_EQ(record.frozen_by, "alice");
  record = OnTip(OnUnfreeze(record), kC);
  EXPECT_EQ(DesiredRevision(record, {}), kC);
  EXPECT_EQ(record.frozen_by, Actor());
}

TEST(FallbackTest, GoesToTheLastGoodRevisionOnlyWhereThatIsAnother) {
  const Step to_b{Step::Kind::kPublish, kB, kB};
  ServiceRecord failed = OnActivationFailed(OnPublished(OnTip(At(kA), kB), to_b), "exit 1");
  EXPECT_EQ(FallbackRevision(failed, {.rollback_on_failure = true}), kA);
  EXPECT_EQ(FallbackRevision(failed, {.rollback_on_failure = false}), "");
  failed.last_good = kB;
  EXPECT_EQ(FallbackRevision(failed, {.rollback_on_failure = true}), "");
  failed.last_good.clear();
  EXPECT_EQ(FallbackRevision(failed, {.rollback_on_failure = true}), "");
}

TEST(FallbackTest, SaysTheTruthWhenTheLastGoodRevisionFailsToo) {
  const Step to_b{Step::Kind::kPublish, kB, kB};
  ServiceRecord failed = OnActivationFailed(OnPublished(OnTip(At(kA), kB), to_b), "exit 1");
  ServiceRecord record = OnFellBack(failed, kA, "exit 2");
  EXPECT_EQ(record.state, State::kBroken);
  EXPECT_THAT(record.info, HasSubstr("fails too: exit 2"));
}

TEST(SyncTest, WhatIsDoneFollowsFromWhereTheServiceIs) {
  const Policy coordinated{.coordinated = true};
  const Step to_b{Step::Kind::kPublish, kB, kB};
  const ServiceRecord at_a = OnSync(At(kA), kA);
  const ServiceRecord broken =
      OnFellBack(OnActivationFailed(OnPublished(OnSync(at_a, kB), to_b), "exit 1"), kA, "");
  const std::vector<StepCase> cases = {
      {"nothing was published before",
       OnSync(NewRecord(coordinated), kA),
       coordinated,
       "",
       {Step::Kind::kPublish, kA, kA}},
      {"there already", at_a, coordinated, kA, {}},
      {"on: first see whether it matters",
       OnSync(at_a, kB),
       coordinated,
       kA,
       {Step::Kind::kCompare, kB, kB}},
      {"the tip does not matter", OnTip(at_a, kC), coordinated, kA, {}},
      {"a revision that failed is still wanted", broken, coordinated, kA, to_b},
      {"it is asked for again", OnSync(broken, kB), coordinated, kA, to_b},
      {"back after a failure: what is served is activated once more",
       OnSync(broken, kA),
       coordinated,
       kA,
       {Step::Kind::kActivate, kA, kA}},
      {"on from one that cannot be had",
       OnSync(OnSourceFailed(OnSync(at_a, kB), "refused"), kC),
       coordinated,
       kA,
       {Step::Kind::kCompare, kC, kC}},
  };
  for (const StepCase& test : cases) {
    EXPECT_EQ(NextStep(test.record, test.policy, test.visible), test.want) << test.reason;
  }
}

TEST(SyncTest, ForgetsTheFaultOfTheFormerRevisionButNotAFailedActivation) {
  EXPECT_EQ(OnSync(OnSourceFailed(OnSync(At(kA), kB), "refused"), kC).state, State::kOk);
  EXPECT_EQ(OnSync(OnHealth(At(kA), "unit failed"), kB).state, State::kBroken);
}

TEST(SyncTest, HealthyIsAServiceThatIsThereActivatedAndUnchanged) {
  const Step to_b{Step::Kind::kPublish, kB, kB};
  struct {
    std::string reason;
    ServiceRecord record;
    bool want;
  } const cases[] = {
      {"there", At(kA), true},
      {"elsewhere", At(kB), false},
      {"its upstream does not answer", OnPollFailed(At(kA), "no answer"), true},
      {"its files were changed", OnDrift(At(kA), "changed"), false},
      {"its unit failed", OnHealth(At(kA), "unit failed"), false},
      {"being activated", OnPublishing(At(kA), kA), false},
      {"frozen", OnFreeze(At(kA), "alice"), false},
      {"cannot be reconciled", OnSourceFailed(At(kA), "refused"), false},
  };
  for (const auto& test : cases) EXPECT_EQ(IsHealthyAt(test.record, kA), test.want) << test.reason;
}

TEST(TransitionTest, EveryTransitionThatAnEventMakesIsAllowed) {
  const Step to_b{Step::Kind::kPublish, kB, kB};
  const std::vector<ServiceRecord> states = {
      At(kA),
      OnFreeze(At(kA), "x"),
      OnRollback(At(kB), kA, "x"),
      OnActivationFailed(OnPublished(OnTip(At(kA), kB), to_b), "exit 1"),
      OnSourceFailed(OnTip(At(kA), kB), "refused"),
      OnPollFailed(At(kA), "no answer"),
      OnDrift(At(kA), "changed"),
  };
  for (const ServiceRecord& before : states) {
    const std::vector<ServiceRecord> afters = {
        OnTip(before, kC),
        OnPollFailed(before, "no answer"),
        OnSourceFailed(before, "refused"),
        OnPublished(before, {Step::Kind::kPublish, DesiredRevision(before, {}),
                             DesiredRevision(before, {})}),
        OnActivated(before),
        OnActivationFailed(before, "exit 1"),
        OnDrift(before, "changed"),
        OnDrift(before, ""),
        OnHealth(before, "failed"),
        OnHealth(before, ""),
        OnFreeze(before, "y"),
        OnUnfreeze(before),
        OnRollback(before, kC, "y"),
        OnSync(before, kC),
    };
    for (size_t i = 0; i < afters.size(); ++i) {
      if (afters[i].state == before.state) continue;
      EXPECT_TRUE(MayFollow(before.state, afters[i].state))
          << StateName(before.state) << " -> " << StateName(afters[i].state) << " by event " << i;
    }
  }
}

TEST(JitteredTest, TakesUpToHalfTheIntervalAway) {
  EXPECT_EQ(Jittered(absl::Seconds(60), 0.0), absl::Seconds(60));
  EXPECT_EQ(Jittered(absl::Seconds(60), 1.0), absl::Seconds(30));
  EXPECT_EQ(Jittered(absl::Seconds(60), 0.5), absl::Seconds(45));
}

}  // namespace
}  // namespace gitops
