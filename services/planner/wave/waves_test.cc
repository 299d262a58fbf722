#include "services/planner/wave/waves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Waves = std::vector<int>;

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

// Hosts by letter, waves by '|': p pending, r running, s succeeded, k skipped, f failed,
// u unreachable, t stopped, b being rolled back, B rolled back, X rollback failed.
RolloutStand Stand(absl::string_view hosts) {
  RolloutStand stand;
  int wave = 1;
  const absl::string_view letters = "prskfutbBX";
  for (char c : hosts) {
    if (c == '|') {
      ++wave;
    } else {
      stand.hosts.push_back(
          {wave, (std::vector<v1::HostDeploymentState>{
                     v1::HOST_DEPLOYMENT_STATE_PENDING, v1::HOST_DEPLOYMENT_STATE_RUNNING,
                     v1::HOST_DEPLOYMENT_STATE_SUCCEEDED, v1::HOST_DEPLOYMENT_STATE_SKIPPED,
                     v1::HOST_DEPLOYMENT_STATE_FAILED, v1::HOST_DEPLOYMENT_STATE_UNREACHABLE,
                     v1::HOST_DEPLOYMENT_STATE_STOPPED, v1::HOST_DEPLOYMENT_STATE_RUNNING,
                     v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK,
                     v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED}[letters.find(c)])});
    }
  }
  return stand;
}

TEST(Amounts, AreNumbersOrPercentages) {
  EXPECT_EQ(ParseAmount("3")->RoundedUp(10), 3);
  EXPECT_EQ(ParseAmount("25%")->RoundedUp(10), 3);
  EXPECT_EQ(ParseAmount("25%")->RoundedDown(10), 2);
  EXPECT_EQ(ParseAmount("1%")->RoundedUp(10), 1);
  EXPECT_EQ(ParseAmount("1%")->RoundedDown(10), 0);
  EXPECT_EQ(ParseAmount("100%")->RoundedDown(7), 7);
  EXPECT_EQ(ParseAmount("0")->RoundedUp(7), 0);
  for (const char* bad : {"", "%", "-1", "+1", "x", "1.5", "101%", "3 ", "99999999999"}) {
    EXPECT_FALSE(ParseAmount(bad).ok()) << bad;
  }
}

TEST(MakeWaves, TheCanaryComesFirstThenBatches) {
  EXPECT_EQ(MakeWaves(4, {}), (Waves{1, 1, 1, 1}));
  EXPECT_EQ(MakeWaves(4, {.canary = 1}), (Waves{1, 2, 2, 2}));
  EXPECT_EQ(MakeWaves(5, {.canary = 1, .batch = Amount{2, false}}), (Waves{1, 2, 2, 3, 3}));
  EXPECT_EQ(MakeWaves(5, {.batch = Amount{2, false}}), (Waves{1, 1, 2, 2, 3}));
  EXPECT_EQ(MakeWaves(5, {.batch = Amount{50, true}}), (Waves{1, 1, 1, 2, 2}));
  EXPECT_EQ(MakeWaves(2, {.canary = 5}), (Waves{1, 1}));
  EXPECT_EQ(MakeWaves(3, {.batch = Amount{0, false}}), (Waves{1, 2, 3}));
  EXPECT_EQ(MakeWaves(0, {.canary = 1}), Waves{});
}

TEST(Decide, BeginsOneHostAtATimeInOrder) {
  EXPECT_THAT(Decide({}, Stand("ppp"), kNow).begin, ElementsAre(0));
  EXPECT_THAT(Decide({}, Stand("rpp"), kNow).begin, IsEmpty());
  EXPECT_THAT(Decide({}, Stand("spp"), kNow).begin, ElementsAre(1));
  EXPECT_EQ(Decide({}, Stand("sss"), kNow).end, Decision::End::kSucceeded);
  EXPECT_EQ(Decide({}, Stand(""), kNow).end, Decision::End::kSucceeded);
}

TEST(Decide, RunsNoMoreThanMaxParallelAtATime) {
  const RolloutPolicy policy{.max_parallel = 3};
  EXPECT_THAT(Decide(policy, Stand("ppppp"), kNow).begin, ElementsAre(0, 1, 2));
  EXPECT_THAT(Decide(policy, Stand("rsrpp"), kNow).begin, ElementsAre(3));
  EXPECT_THAT(Decide(policy, Stand("rrrpp"), kNow).begin, IsEmpty());
  EXPECT_THAT(Decide({.max_parallel = 1}, Stand("rrrpp"), kNow).begin, IsEmpty())
      << "those that ran before a restart count";
}

TEST(Decide, TheNextWaveWaitsForTheLastHostOfThisOne) {
  const RolloutPolicy policy{.max_parallel = 5};
  EXPECT_THAT(Decide(policy, Stand("p|pp"), kNow).begin, ElementsAre(0));
  EXPECT_THAT(Decide(policy, Stand("r|pp"), kNow).begin, IsEmpty());
  EXPECT_THAT(Decide(policy, Stand("s|pp"), kNow).begin, ElementsAre(1, 2));
  EXPECT_THAT(Decide(policy, Stand("k|pp"), kNow).begin, ElementsAre(1, 2)) << "skipped is done";
}

TEST(Decide, PausesOnceBetweenWaves) {
  const RolloutPolicy policy{.pause_between = absl::Minutes(5)};
  RolloutStand stand = Stand("s|pp|p");
  EXPECT_EQ(Decide(policy, stand, kNow).pause_after_wave, 1);
  stand.paused_after = 1;
  stand.pause_until = kNow + absl::Minutes(5);
  const Decision waiting = Decide(policy, stand, kNow);
  EXPECT_THAT(waiting.begin, IsEmpty());
  EXPECT_EQ(waiting.pause_after_wave, 0);
  EXPECT_EQ(waiting.end, Decision::End::kNone);
  EXPECT_THAT(Decide(policy, stand, kNow + absl::Minutes(5)).begin, ElementsAre(1));
  RolloutStand within = Stand("s|sp|p");
  within.paused_after = 1;
  within.pause_until = kNow - absl::Minutes(5);
  EXPECT_THAT(Decide(policy, within, kNow).begin, ElementsAre(2)) << "no pause within a wave";
  EXPECT_EQ(Decide(policy, Stand("p|pp"), kNow).pause_after_wave, 0) << "none before the first";
}

TEST(Decide, StopsWhenMoreThanMaxFailuresHaveFailedAndNotBefore) {
  struct Case {
    std::optional<Amount> max_failures;
    const char* hosts;
    bool stops;
  };
  const Case cases[] = {
      {std::nullopt, "fpp", true},      {Amount{1, false}, "fpp", false},
      {Amount{1, false}, "ffp", true},  {Amount{1, false}, "fup", true},
      {Amount{2, false}, "fup", false}, {Amount{34, true}, "fpp", false},
      {Amount{33, true}, "fpp", true},  {std::nullopt, "upp", false},
      {Amount{0, false}, "upp", true},
  };
  for (const Case& c : cases) {
    const Decision decision = Decide({.max_failures = c.max_failures}, Stand(c.hosts), kNow);
    EXPECT_EQ(decision.end == Decision::End::kFailed, c.stops) << c.hosts;
    EXPECT_EQ(decision.begin.empty(), c.stops) << c.hosts;
  }
}

TEST(Decide, WhatRunsWhenItStopsComesToItsEnd) {
  const Decision decision = Decide({.max_parallel = 2}, Stand("frp"), kNow);
  EXPECT_THAT(decision.begin, IsEmpty());
  EXPECT_FALSE(decision.stop_running);
  EXPECT_EQ(decision.end, Decision::End::kNone);
  const Decision after = Decide({.max_parallel = 2}, Stand("fsp"), kNow);
  EXPECT_EQ(after.end, Decision::End::kFailed);
  EXPECT_EQ(after.reason, "1 host failed, more than --max-failures 0");
}

TEST(Decide, ContinueGoesOnWhateverFailsAndSaysSoAtTheEnd) {
  const RolloutPolicy policy{.on_failure = v1::Rollout::ON_FAILURE_CONTINUE};
  EXPECT_THAT(Decide(policy, Stand("ff|pp"), kNow).begin, ElementsAre(2));
  const Decision end = Decide(policy, Stand("fu|ss"), kNow);
  EXPECT_EQ(end.end, Decision::End::kFailed);
  EXPECT_EQ(end.reason, "1 host failed and 1 host could not be reached");
}

TEST(Decide, AHostThatIsDownFailsAlone) {
  EXPECT_THAT(Decide({}, Stand("upp"), kNow).begin, ElementsAre(1));
  const Decision end = Decide({}, Stand("uss"), kNow);
  EXPECT_EQ(end.end, Decision::End::kFailed);
  EXPECT_EQ(end.reason, "1 host could not be reached");
}

TEST(Decide, ACanaryThatWasNeverTriedProvesNothing) {
  const Decision decision = Decide({.canary = 1}, Stand("u|pp"), kNow);
  EXPECT_EQ(decision.end, Decision::End::kFailed);
  EXPECT_THAT(decision.reason, HasSubstr("the canary was not tried: 1 host could not be reached"));
  EXPECT_THAT(Decide({.canary = 2}, Stand("us|pp"), kNow).begin, ElementsAre(2));
  EXPECT_THAT(Decide({.canary = 2}, Stand("uk|pp"), kNow).begin, ElementsAre(2));
  EXPECT_THAT(
      Decide({.canary = 1, .on_failure = v1::Rollout::ON_FAILURE_CONTINUE}, Stand("u|pp"), kNow)
          .begin,
      ElementsAre(1));
}

TEST(Decide, AWaveThatIsLostWithinMaxFailuresDoesNotKeepTheNextBack) {
  const RolloutPolicy one{.canary = 1, .max_failures = Amount{1, false}};
  EXPECT_THAT(Decide(one, Stand("u|pp"), kNow).begin, ElementsAre(1));
  EXPECT_THAT(Decide(one, Stand("f|pp"), kNow).begin, ElementsAre(1));
  EXPECT_THAT(Decide(one, Stand("f|f|p"), kNow).begin, IsEmpty());
  const RolloutPolicy batches{.batch = Amount{1, false}, .max_failures = Amount{2, false}};
  EXPECT_THAT(Decide(batches, Stand("f|u|p|p"), kNow).begin, ElementsAre(2));
}

TEST(Decide, ABatchThatIsDownDoesNotKeepTheOthersBack) {
  EXPECT_THAT(Decide({.batch = Amount{1, false}}, Stand("u|p|p"), kNow).begin, ElementsAre(1));
  EXPECT_THAT(Decide({.batch = Amount{1, false}}, Stand("s|u|p"), kNow).begin, ElementsAre(2));
  EXPECT_THAT(Decide({.canary = 1, .batch = Amount{1, false}}, Stand("s|u|p"), kNow).begin,
              ElementsAre(2));
}

TEST(Decide, AHookErrorOrACancelStopsRunningHostsBetweenTwoSteps) {
  RolloutStand halted = Stand("rrp");
  halted.halted = "hook drain failed";
  EXPECT_TRUE(Decide({}, halted, kNow).stop_running);
  EXPECT_THAT(Decide({}, halted, kNow).begin, IsEmpty());
  RolloutStand ended = Stand("ftp");
  ended.halted = "hook drain failed";
  EXPECT_EQ(Decide({}, ended, kNow).end, Decision::End::kFailed);
  EXPECT_EQ(Decide({}, ended, kNow).reason, "hook drain failed");
  RolloutStand cancelled = Stand("stp");
  cancelled.cancelled = true;
  EXPECT_EQ(Decide({}, cancelled, kNow).end, Decision::End::kCancelled);
}

TEST(Decide, StoppedHostsAreBegunAgainWhenItIsResumed) {
  EXPECT_THAT(Decide({.max_parallel = 2}, Stand("stp"), kNow).begin, ElementsAre(1, 2));
}

TEST(Decide, RollbackBringsTheFailedWaveBackTheLastHostFirst) {
  const RolloutPolicy policy{.max_parallel = 2, .on_failure = v1::Rollout::ON_FAILURE_ROLLBACK};
  EXPECT_EQ(Decide(policy, Stand("s|srfp"), kNow).begin_rollback_wave, 0) << "one is running";
  const Decision begin = Decide(policy, Stand("s|ssfp"), kNow);
  EXPECT_EQ(begin.begin_rollback_wave, 2);
  EXPECT_EQ(begin.end, Decision::End::kNone);
  RolloutStand stand = Stand("s|ssfp");
  stand.rollback_wave = 2;
  EXPECT_THAT(Decide(policy, stand, kNow).roll_back, ElementsAre(3, 2));
  stand = Stand("s|sbBp");
  stand.rollback_wave = 2;
  EXPECT_THAT(Decide(policy, stand, kNow).roll_back, ElementsAre(1));
  stand = Stand("s|BXBp");
  stand.rollback_wave = 2;
  EXPECT_EQ(Decide(policy, stand, kNow).end, Decision::End::kFailed);
}

TEST(Decide, AHookErrorRollsBackWhereThatWasAskedFor) {
  RolloutStand stand = Stand("sf|p");
  stand.halted = "hook drain failed";
  EXPECT_EQ(
      Decide({.on_failure = v1::Rollout::ON_FAILURE_ROLLBACK}, stand, kNow).begin_rollback_wave, 1);
  stand.cancelled = true;
  EXPECT_EQ(Decide({.on_failure = v1::Rollout::ON_FAILURE_ROLLBACK}, stand, kNow).end,
            Decision::End::kCancelled);
}

TEST(Decide, CatchUpWaitsForUnreachableHostsAndEndsWhenItsTimeIsOver) {
  const RolloutPolicy policy{.catch_up = true};
  RolloutStand stand = Stand("usu");
  EXPECT_THAT(Decide(policy, stand, kNow).await, ElementsAre(0, 2));
  EXPECT_EQ(Decide(policy, stand, kNow).end, Decision::End::kNone);
  EXPECT_THAT(Decide(policy, Stand("psu"), kNow).begin, ElementsAre(0)) << "it is back";
  stand.catch_up_over = true;
  EXPECT_EQ(Decide(policy, stand, kNow).end, Decision::End::kFailed);
}

TEST(Decide, ACanaryThatIsWhollyUnreachableIsWaitedForBeforeTheNextWave) {
  const RolloutPolicy policy{.canary = 2, .max_parallel = 5, .catch_up = true};
  RolloutStand stand = Stand("uu|pp");
  const Decision decision = Decide(policy, stand, kNow);
  EXPECT_EQ(decision.end, Decision::End::kNone);
  EXPECT_THAT(decision.await, ElementsAre(0, 1));
  EXPECT_THAT(decision.begin, IsEmpty());
  EXPECT_TRUE(decision.only_await);
  EXPECT_THAT(Decide(policy, Stand("pu|pp"), kNow).begin, ElementsAre(0)) << "one is back";
  EXPECT_THAT(Decide(policy, Stand("su|pp"), kNow).begin, ElementsAre(2, 3));
  EXPECT_FALSE(Decide(policy, Stand("su|pp"), kNow).only_await);
  EXPECT_EQ(Decide({.canary = 2, .max_parallel = 5}, stand, kNow).end, Decision::End::kFailed);
  stand.catch_up_over = true;
  EXPECT_EQ(Decide(policy, stand, kNow).end, Decision::End::kFailed);
}

TEST(Decide, CatchUpWaitsForNoBatchBeforeTheNext) {
  const RolloutPolicy policy{.batch = Amount{1, false}, .catch_up = true};
  const Decision decision = Decide(policy, Stand("u|pp"), kNow);
  EXPECT_THAT(decision.begin, ElementsAre(1));
  EXPECT_THAT(decision.await, ElementsAre(0));
}

// Plays whole deployments at random and looks whether a limit was ever broken.
TEST(Decide, LimitsHoldInEveryOrderOfEvents) {
  std::mt19937 random(20261122);
  const auto pick = [&](int from, int below) {
    return std::uniform_int_distribution<int>(from, below - 1)(random);
  };
  for (int game = 0; game < 2000; ++game) {
    const int hosts = pick(1, 12);
    const RolloutPolicy policy{.canary = pick(0, 3),
                               .batch = Amount{pick(1, 5), false},
                               .max_parallel = pick(1, 4),
                               .max_failures = Amount{pick(0, 4), false}};
    RolloutStand stand;
    for (int wave : MakeWaves(hosts, policy))
      stand.hosts.push_back({wave, v1::HOST_DEPLOYMENT_STATE_PENDING});
    for (int turn = 0;; ++turn) {
      ASSERT_LT(turn, 200) << "it came to no end";
      const Decision decision = Decide(policy, stand, kNow);
      if (decision.end != Decision::End::kNone) break;
      const auto count = [&](v1::HostDeploymentState state) {
        return std::count_if(stand.hosts.begin(), stand.hosts.end(),
                             [&](const HostStand& h) { return h.state == state; });
      };
      const bool over =
          count(v1::HOST_DEPLOYMENT_STATE_FAILED) + count(v1::HOST_DEPLOYMENT_STATE_UNREACHABLE) >
          policy.max_failures->RoundedDown(hosts);
      if (over) ASSERT_THAT(decision.begin, IsEmpty());
      for (int index : decision.begin) {
        ASSERT_EQ(stand.hosts[index].state, v1::HOST_DEPLOYMENT_STATE_PENDING);
        for (const HostStand& other : stand.hosts) {
          if (other.wave < stand.hosts[index].wave)
            ASSERT_NE(other.state, v1::HOST_DEPLOYMENT_STATE_PENDING);
        }
        stand.hosts[index].state = v1::HOST_DEPLOYMENT_STATE_RUNNING;
      }
      ASSERT_LE(count(v1::HOST_DEPLOYMENT_STATE_RUNNING), policy.max_parallel);
      std::vector<HostStand*> running;
      for (HostStand& host : stand.hosts) {
        if (host.state == v1::HOST_DEPLOYMENT_STATE_RUNNING) running.push_back(&host);
      }
      ASSERT_FALSE(running.empty()) << "nothing runs and nothing ended";
      const v1::HostDeploymentState ends[] = {
          v1::HOST_DEPLOYMENT_STATE_SUCCEEDED, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED,
          v1::HOST_DEPLOYMENT_STATE_SKIPPED, v1::HOST_DEPLOYMENT_STATE_FAILED,
          v1::HOST_DEPLOYMENT_STATE_UNREACHABLE};
      running[pick(0, static_cast<int>(running.size()))]->state = ends[pick(0, 5)];
    }
  }
}

}  // namespace
}  // namespace gitops
