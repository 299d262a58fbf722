#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/rpc/error.h"
#include "common/testing/eventually.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/agents/test_agent.h"
#include "services/planner/testing/stalling_proxy.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

constexpr char kOperation[] = "20261122-221530-k7q2mx/web1/3";

class PerformActionTest : public ::testing::Test {
 protected:
  PerformActionTest() {
    options_.connect_timeout = absl::Seconds(20);
    options_.return_timeout = absl::Seconds(20);
    request_.mutable_operation()->set_id(kOperation);
    request_.mutable_operation()->set_fencing(7);
    request_.set_action("sync");
  }

  static std::string UnixPath(const char* name) {
    return absl::StrCat("/tmp/gitops-p-", getpid(), "-", name);
  }

  // What Perform came to, as CODE and message; a status is not handed from thread to thread.
  struct Result {
    absl::StatusCode code;
    std::string message;
    v1::PerformActionResponse response;
    std::string reason;
  };
  Result Perform(const std::string& address, const GiveUp& give_up = nullptr) {
    const PerformOutcome outcome = caller().Perform(address, request_, give_up);
    return {outcome.status.code(), std::string(outcome.status.message()), outcome.response,
            ReasonName(outcome.status)};
  }
  std::future<Result> Begin(const std::string& address, const GiveUp& give_up = nullptr) {
    caller();
    return std::async(std::launch::async,
                      [this, address, give_up] { return Perform(address, give_up); });
  }

  AgentCaller& caller() {
    if (caller_ == nullptr) caller_ = NewAgentClient(options_);
    return *caller_;
  }

  AgentCallerOptions options_;
  v1::PerformActionRequest request_;

 private:
  std::unique_ptr<AgentCaller> caller_;
};

TEST_F(PerformActionTest, TheAnswerIsTheAgents) {
  TestAgent agent;
  v1::PerformActionResponse done;
  done.set_output("moved");
  done.add_moves()->set_service("web");
  agent.Answer(absl::OkStatus(), done);
  const Result result = Perform(agent.address());
  EXPECT_EQ(result.code, absl::StatusCode::kOk) << result.message;
  EXPECT_EQ(result.response.moves(0).service(), "web");
  EXPECT_EQ(agent.Done(kOperation), 1);
}

TEST_F(PerformActionTest, WhatTheAgentRefusesIsToldInItsWords) {
  TestAgent agent;
  for (const absl::StatusCode code :
       {absl::StatusCode::kInvalidArgument, absl::StatusCode::kFailedPrecondition,
        absl::StatusCode::kNotFound, absl::StatusCode::kPermissionDenied,
        absl::StatusCode::kAborted, absl::StatusCode::kUnauthenticated,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kUnimplemented}) {
    agent.Answer(absl::Status(code, "because"));
    const Result result = Perform(agent.address());
    EXPECT_EQ(result.code, code);
    EXPECT_EQ(result.message, "because");
  }
  EXPECT_EQ(agent.Asked(kOperation), 8);
}

TEST_F(PerformActionTest, AnActionThatFailedTellsWhatItHadMovedAndAllItsOutput) {
  TestAgent agent;
  v1::PerformActionResponse done;
  done.set_output(std::string(64 << 10, 'x'));
  constexpr int kServices = 4000;
  for (int i = 0; i < kServices; ++i) {
    v1::ServiceMove& move = *done.add_moves();
    move.set_service(absl::StrCat("service-", i));
    move.set_from_hash(std::string(40, 'a'));
    move.set_to_hash(std::string(40, 'b'));
  }
  agent.Answer(MakeError(Reason::kServiceFrozen, "web: is frozen"), done);
  const Result result = Perform(agent.address());
  EXPECT_EQ(result.code, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.message, "web: is frozen");
  EXPECT_EQ(result.reason, "SERVICE_FROZEN");
  EXPECT_EQ(result.response.moves_size(), kServices);
  EXPECT_EQ(result.response.output().size(), size_t{64} << 10);
}

TEST_F(PerformActionTest, AnAgentThatDiesInTheMidstIsAskedAgainWhenItIsBack) {
  for (const std::string& listen : {std::string("127.0.0.1:0"), "unix:" + UnixPath("a")}) {
    TestAgent agent(listen);
    agent.Hold();
    std::future<Result> result = Begin(agent.address());
    ASSERT_TRUE(agent.AwaitHeld(1));
    agent.Stop();
    EXPECT_EQ(agent.Done(kOperation), 0);
    agent.Start();
    const Result got = result.get();
    EXPECT_EQ(got.code, absl::StatusCode::kOk) << got.message;
    EXPECT_EQ(agent.Done(kOperation), 1);
    EXPECT_GE(agent.Asked(kOperation), 2);
  }
}

TEST_F(PerformActionTest, AnAnswerThatWasLostIsGivenAgainAndNothingIsDoneTwice) {
  TestAgent agent("unix:" + UnixPath("b"));
  StallingProxy proxy(UnixPath("c"), UnixPath("b"));
  agent.Hold();
  std::future<Result> result = Begin(proxy.address());
  ASSERT_TRUE(agent.AwaitHeld(1));
  proxy.Stall();
  agent.Release();
  ASSERT_TRUE(Eventually([&] { return agent.Done(kOperation) > 0; }));
  proxy.Cut();
  proxy.Flow();
  const Result got = result.get();
  EXPECT_EQ(got.code, absl::StatusCode::kOk) << got.message;
  EXPECT_TRUE(got.response.repeated_operation());
  EXPECT_EQ(agent.Done(kOperation), 1);
}

TEST_F(PerformActionTest, AHostThatVanishesInTheMidstIsNoticed) {
  options_.keepalive = absl::Milliseconds(200);
  options_.keepalive_timeout = absl::Milliseconds(200);
  options_.connect_timeout = absl::Milliseconds(300);
  options_.return_timeout = absl::Milliseconds(600);
  TestAgent agent("unix:" + UnixPath("d"));
  StallingProxy proxy(UnixPath("e"), UnixPath("d"));
  agent.Hold();
  std::future<Result> result = Begin(proxy.address());
  ASSERT_TRUE(agent.AwaitHeld(1));
  proxy.Stall();
  const Result got = result.get();
  EXPECT_EQ(got.code, absl::StatusCode::kAborted) << got.message;
  EXPECT_THAT(got.message, HasSubstr("went away during sync"));
  EXPECT_THAT(got.message, HasSubstr("not known what was done"));
  agent.Release();
}

TEST_F(PerformActionTest, AHostThatVanishedForAWhileGoesOnWhereItWas) {
  options_.keepalive = absl::Milliseconds(200);
  options_.keepalive_timeout = absl::Milliseconds(200);
  options_.connect_timeout = absl::Milliseconds(300);
  TestAgent agent("unix:" + UnixPath("f"));
  StallingProxy proxy(UnixPath("g"), UnixPath("f"));
  agent.Hold();
  std::future<Result> result = Begin(proxy.address());
  ASSERT_TRUE(agent.AwaitHeld(1));
  proxy.Stall();
  ASSERT_TRUE(Eventually([&] { return proxy.accepted() >= 2; })) << "nobody looked for it";
  agent.Release();
  proxy.Flow();
  const Result got = result.get();
  EXPECT_EQ(got.code, absl::StatusCode::kOk) << got.message;
  EXPECT_EQ(agent.Done(kOperation), 1);
}

TEST_F(PerformActionTest, AnAgentThatDoesNotComeBackLeavesUnknownWhatWasDone) {
  options_.return_timeout = absl::Milliseconds(300);
  TestAgent agent;
  agent.Hold();
  std::future<Result> result = Begin(agent.address());
  ASSERT_TRUE(agent.AwaitHeld(1));
  agent.Stop();
  const Result got = result.get();
  EXPECT_EQ(got.code, absl::StatusCode::kAborted) << got.message;
  EXPECT_THAT(got.message, HasSubstr(agent.address()));
  EXPECT_THAT(got.message, HasSubstr("within 300ms"));
}

TEST_F(PerformActionTest, AnAgentThatIsStoppingIsAskedAgain) {
  TestAgent agent;
  agent.AnswerUnavailable(2);
  EXPECT_EQ(Perform(agent.address()).code, absl::StatusCode::kOk);
  EXPECT_EQ(agent.Asked(kOperation), 3);
}

TEST_F(PerformActionTest, AnAgentThatAlwaysSaysItIsStoppingIsNotAskedForEver) {
  options_.return_timeout = absl::Milliseconds(300);
  TestAgent agent;
  agent.AnswerUnavailable(1'000'000);
  const Result got = Perform(agent.address());
  EXPECT_EQ(got.code, absl::StatusCode::kAborted);
  EXPECT_THAT(got.message, HasSubstr("the agent is stopping"));
}

TEST_F(PerformActionTest, AnOldConnectionThatIsDeadIsToldBeforeAnythingIsAskedFor) {
  FakeClock clock;
  options_.clock = &clock;
  options_.connect_timeout = absl::Milliseconds(200);
  TestAgent agent("unix:" + UnixPath("h"));
  StallingProxy proxy(UnixPath("i"), UnixPath("h"));
  ASSERT_TRUE(caller().Status(proxy.address()).ok());
  proxy.Stall();
  clock.Advance(absl::Minutes(1));
  EXPECT_EQ(Perform(proxy.address()).code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(agent.Asked(kOperation), 0);
}

TEST_F(PerformActionTest, AnOldConnectionThatBreaksWhenItIsUsedAgainIsMadeAnew) {
  FakeClock clock;
  options_.clock = &clock;
  TestAgent agent("unix:" + UnixPath("j"));
  StallingProxy proxy(UnixPath("k"), UnixPath("j"));
  ASSERT_TRUE(caller().Status(proxy.address()).ok());
  proxy.Stall();
  clock.Advance(absl::Minutes(1));
  std::atomic<bool> under_way = false;
  std::future<Result> result = Begin(proxy.address(), [&] {
    under_way = true;
    return false;
  });
  ASSERT_TRUE(Eventually([&] { return under_way.load(); }));
  proxy.Cut();
  proxy.Flow();
  const Result got = result.get();
  EXPECT_EQ(got.code, absl::StatusCode::kOk) << got.message;
  EXPECT_EQ(agent.Done(kOperation), 1);
}

TEST_F(PerformActionTest, AnActionThatTakesTooLongIsNotWaitedFor) {
  options_.action_timeout = absl::Milliseconds(200);
  TestAgent agent;
  agent.Hold();
  const Result got = Perform(agent.address());
  EXPECT_EQ(got.code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(got.message, HasSubstr("has not ended within 200ms"));
  EXPECT_EQ(agent.Asked(kOperation), 1);
}

TEST_F(PerformActionTest, ACallerThatGivesUpIsNotHeld) {
  TestAgent agent;
  agent.Hold();
  std::atomic<bool> given_up = false;
  std::future<Result> result = Begin(agent.address(), [&] { return given_up.load(); });
  ASSERT_TRUE(agent.AwaitHeld(1));
  given_up = true;
  EXPECT_EQ(result.get().code, absl::StatusCode::kCancelled);
}

TEST_F(PerformActionTest, ACallerMayGiveUpWhileTheAgentIsAway) {
  TestAgent agent;
  agent.Hold();
  std::atomic<bool> is_away = false;
  std::atomic<int> asked_since = 0;
  std::future<Result> result =
      Begin(agent.address(), [&] { return is_away.load() && ++asked_since > 3; });
  ASSERT_TRUE(agent.AwaitHeld(1));
  agent.Stop();
  is_away = true;
  EXPECT_EQ(result.get().code, absl::StatusCode::kCancelled);
}

TEST_F(PerformActionTest, ManyHostsAreActedOnAtTheSameTime) {
  constexpr int kHosts = 20;
  std::vector<std::unique_ptr<TestAgent>> agents;
  std::vector<std::future<Result>> results;
  for (int i = 0; i < kHosts; ++i) {
    agents.push_back(std::make_unique<TestAgent>());
    agents.back()->Hold();
    results.push_back(Begin(agents.back()->address()));
  }
  for (const auto& agent : agents) ASSERT_TRUE(agent->AwaitHeld(1));
  for (const auto& agent : agents) agent->Release();
  for (auto& result : results) EXPECT_EQ(result.get().code, absl::StatusCode::kOk);
}

}  // namespace
}  // namespace gitops
