#include "services/planner/agents/agent_caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "absl/strings/str_cat.h"
#include "common/rpc/silent_listener.h"
#include "common/testing/eventually.h"
#include "services/planner/agents/test_agent.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

AgentCallerOptions Patient() {
  AgentCallerOptions options;
  options.connect_timeout = absl::Seconds(20);
  options.return_timeout = absl::Seconds(20);
  return options;
}

v1::PerformActionRequest Sync(const std::string& operation) {
  v1::PerformActionRequest request;
  request.mutable_operation()->set_id(operation);
  request.mutable_operation()->set_fencing(1);
  request.set_action("sync");
  return request;
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(AgentCallerTest, AnAgentTellsHowItsHostStands) {
  for (const std::string& listen :
       {std::string("127.0.0.1:0"), absl::StrCat("unix:/tmp/gitops-a-", getpid())}) {
    TestAgent agent(listen);
    const auto status = NewAgentClient(Patient())->Status(agent.address());
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(status->boot_id(), "boot-1");
  }
}

TEST(AgentCallerTest, WhereNobodyListensItSaysSoAtOnceWithTheAddress) {
  std::string address;
  {
    TestAgent gone;
    address = gone.address();
  }
  const auto caller = NewAgentClient(Patient());
  for (const std::string& at : {address, std::string("unix:/tmp/gitops-nobody.sock")}) {
    const absl::Time began = absl::Now();
    const absl::Status status = caller->Status(at).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(Message(status), HasSubstr(absl::StrCat("cannot reach the agent at ", at)));
    EXPECT_EQ(caller->Perform(at, Sync("d/h/1"), nullptr).status.code(),
              absl::StatusCode::kUnavailable);
    EXPECT_LT(absl::Now() - began, absl::Seconds(10));
  }
}

TEST(AgentCallerTest, BadAddressesAndPlainTextToOthersAreRefused) {
  const auto caller = NewAgentClient(Patient());
  EXPECT_EQ(caller->Status("http://x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(caller->Status("web1.example:8004").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(AgentCallerTest, AnAgentThatAcceptsAndSaysNothingIsUnreachableAfterTheConnectTimeout) {
  SilentListener listener;
  AgentCallerOptions options = Patient();
  options.connect_timeout = absl::Milliseconds(150);
  const auto caller = NewAgentClient(options);
  const absl::Time began = absl::Now();
  const PerformOutcome outcome = caller->Perform(listener.address(), Sync("d/h/1"), nullptr);
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kUnavailable) << outcome.status;
  EXPECT_THAT(Message(outcome.status), HasSubstr(listener.address()));
  EXPECT_GE(absl::Now() - began, absl::Milliseconds(140));
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
}

TEST(AgentCallerTest, AnAgentThatStartsAnewBetweenCallsIsFoundAgain) {
  TestAgent agent;
  const auto caller = NewAgentClient(Patient());
  ASSERT_TRUE(caller->Status(agent.address()).ok());
  agent.Stop();
  EXPECT_EQ(caller->Status(agent.address()).status().code(), absl::StatusCode::kUnavailable);
  agent.Start();
  const auto status = caller->Status(agent.address());
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->boot_id(), "boot-2");
  agent.Stop();
  agent.Start();
  EXPECT_EQ(caller->Status(agent.address())->boot_id(), "boot-3");
}

TEST(AgentCallerTest, AnAgentThatAnsweredLatelyIsNotAskedWhetherItIsThere) {
  TestAgent agent;
  const auto caller = NewAgentClient(Patient());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(
        caller->Perform(agent.address(), Sync(absl::StrCat("d/h/", i)), nullptr).status.ok());
  }
  EXPECT_EQ(agent.status_asked(), 1);
}

CallFor For(const std::string& caller) { return {.on_behalf_of = caller, .give_up = nullptr}; }

TEST(AgentCallerTest, BrakesCarryOnWhoseBehalfTheyAre) {
  TestAgent agent;
  const auto caller = NewAgentClient(Patient());
  v1::FreezeServiceRequest freeze;
  freeze.set_service("web");
  v1::HostOutcome outcome;
  const auto call = [&](const CallFor& asked_for, const ServiceRequest& request) {
    outcome.Clear();
    return caller->Call(agent.address(), asked_for, request, &outcome);
  };
  const absl::Status frozen = call(For("alice@laptop"), freeze);
  ASSERT_TRUE(frozen.ok()) << frozen;
  EXPECT_EQ(outcome.service().service(), "web");
  EXPECT_EQ(agent.last_user(), "alice@laptop");
  EXPECT_TRUE(call(For("bob"), v1::UnfreezeServiceRequest()).ok());
  EXPECT_EQ(agent.last_user(), "bob");
  v1::RollbackServiceRequest rollback;
  rollback.set_hash("f00");
  EXPECT_TRUE(call(For("carol"), rollback).ok());
  EXPECT_EQ(outcome.service().hash(), "f00");
  EXPECT_EQ(agent.last_user(), "carol");
  EXPECT_TRUE(call(For("dave\n\xC3\xA9"), v1::PullServiceRequest()).ok());
  EXPECT_TRUE(outcome.changed());
  EXPECT_EQ(agent.last_user(), "dave???");
  EXPECT_TRUE(call({}, v1::DiffServiceRequest()).ok());
  EXPECT_EQ(outcome.diff().hash(), "abc");
  v1::DiffServiceRequest to;
  to.set_to_hash("f00d");
  EXPECT_TRUE(absl::IsUnimplemented(call({}, to)))
      << "an older agent compared with the disk instead";
}

TEST(AgentCallerTest, CallsEndWhenTheirCallerGivesUp) {
  const SilentListener agent;
  const auto caller = NewAgentClient(Patient());
  const GiveUp at_once = [] { return true; };
  v1::HostOutcome outcome;
  EXPECT_TRUE(
      absl::IsCancelled(caller->Call(agent.address(), {.on_behalf_of = "", .give_up = at_once},
                                     v1::DiffServiceRequest(), &outcome)));
  EXPECT_TRUE(absl::IsCancelled(caller->ResolveRevision(agent.address(), {}, at_once).status()));
}

TEST(AgentCallerTest, ChecksAndRevisionsAreAskedOfTheAgent) {
  TestAgent agent;
  const auto caller = NewAgentClient(Patient());
  v1::RunCheckRequest check;
  check.add_cmd("true");
  check.mutable_timeout()->set_seconds(3);
  EXPECT_EQ(caller->RunCheck(agent.address(), check)->exit_status(), 7);
  EXPECT_EQ(agent.last_check().cmd(0), "true");
  v1::ResolveRevisionRequest resolve;
  resolve.set_service("web");
  EXPECT_EQ(caller->ResolveRevision(agent.address(), resolve, nullptr)->hash(), "abc");
  resolve.set_service("other");
  const absl::Status missing = caller->ResolveRevision(agent.address(), resolve, nullptr).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(missing), "no such service");
  v1::DiffServiceRequest diff;
  diff.set_service("new");
  v1::HostOutcome outcome;
  EXPECT_EQ(caller->Call(agent.address(), {}, diff, &outcome).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(AgentCallerTest, AwaitRebootReturnsTheNewBootOnceTheAgentIsBack) {
  TestAgent agent;
  const auto caller = NewAgentClient(Patient());
  std::atomic<int> polls = 0;
  auto back = std::async(std::launch::async, [&] {
    const auto boot = caller->AwaitReboot(agent.address(), "boot-1", absl::Minutes(1), [&] {
      ++polls;
      return false;
    });
    return boot.ok() ? *boot : boot.status().ToString();
  });
  EXPECT_TRUE(Eventually([&] { return polls >= 1; })) << "it has not seen the old boot";
  agent.Stop();
  EXPECT_TRUE(Eventually([&] { return polls >= 4; })) << "it has not missed the agent";
  agent.Start();
  EXPECT_EQ(back.get(), "boot-2");
}

TEST(AgentCallerTest, AwaitRebootTellsAHostThatDidNotRebootFromOneThatIsGone) {
  TestAgent agent;
  const auto caller = NewAgentClient(Patient());
  absl::Status status =
      caller->AwaitReboot(agent.address(), "boot-1", absl::Milliseconds(50), nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(status), HasSubstr("it has not rebooted"));
  agent.Stop();
  status = caller->AwaitReboot(agent.address(), "boot-1", absl::Milliseconds(50), nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(status), HasSubstr("cannot reach the agent"));
  EXPECT_EQ(caller->AwaitReboot(agent.address(), "boot-1", absl::Minutes(9), [] { return true; })
                .status()
                .code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace gitops
