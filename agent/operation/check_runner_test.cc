#include "agent/operation/check_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/path/temporary_directory.h"
#include "common/process/fake_process.h"

namespace gitops {
namespace {

using absl::StatusCode;
using testing::EndsWith;
using testing::HasSubstr;

std::vector<HostSpec> Own() {
  HostSpec host;
  host.health_checks.cmd.push_back({.cmd = {"probe", "-x"}});
  return {host};
}

v1::RunCheckRequest Request() {
  v1::RunCheckRequest request;
  request.set_kind(v1::RunCheckRequest::KIND_HEALTH);
  request.add_cmd("probe");
  request.add_cmd("-x");
  request.mutable_timeout()->set_seconds(7);
  return request;
}

TEST(CheckRunnerTest, TellsHowTheCommandEndedAndWhatItSaid) {
  FakeProcessRunner runner;
  runner.On({"probe"}, {.exit_status = 2, .output = "out\n", .error_output = "err\xff"});
  auto response = RunCheckCommand(Request(), Own(), runner);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->exit_status(), 2);
  EXPECT_EQ(response->output(), "out\nerr\\xff");
  EXPECT_EQ(runner.commands()[0].timeout, absl::Seconds(7));
}

TEST(CheckRunnerTest, KeepsTheEndOfLongOutput) {
  FakeProcessRunner runner;
  runner.On({"probe"}, {.output = std::string(100'000, 'x') + "the end"});
  auto response = RunCheckCommand(Request(), Own(), runner);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->exit_status(), 0);
  EXPECT_EQ(response->output().size(), 4096u);
  EXPECT_THAT(response->output(), EndsWith("the end"));
}

TEST(CheckRunnerTest, WhatItSaidHoldsNoSecretOfTheHost) {
  TemporaryDirectory directory;
  directory.Write("key", "canary-7c1f");
  std::vector<HostSpec> hosts = Own();
  hosts[0].secrets["key"].destination = directory / "key";
  FakeProcessRunner runner;
  runner.On({"probe"}, {.exit_status = 1, .output = "key: canary-7c1f\n", .error_output = "no"});
  auto response = RunCheckCommand(Request(), hosts, runner);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->output(), "key: [secret]\nno");
}

TEST(CheckRunnerTest, ACallerWhoWentAwayEndsTheCommand) {
  FakeProcessRunner runner;
  runner.On({"probe"}, [](const Command& command) -> absl::StatusOr<CommandResult> {
    if (command.give_up && command.give_up()) return absl::CancelledError("killed");
    return CommandResult();
  });
  const auto gone = [] { return true; };
  EXPECT_EQ(RunCheckCommand(Request(), Own(), runner, gone).status().code(),
            StatusCode::kUnavailable);
  EXPECT_TRUE(RunCheckCommand(Request(), Own(), runner).ok());
}

TEST(CheckRunnerTest, OneThatDoesNotEndOrStartHasFailed) {
  FakeProcessRunner runner;
  runner.On({"probe"}, absl::DeadlineExceededError("probe was killed after 7s"));
  auto response = RunCheckCommand(Request(), Own(), runner);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->exit_status(), -1);
  EXPECT_THAT(response->output(), HasSubstr("killed after 7s"));
}

TEST(CheckRunnerTest, NothingIsRunThatIsIncompleteOrNotThisHostsOwn) {
  FakeProcessRunner runner;
  v1::RunCheckRequest request = Request();
  request.add_cmd("more");
  EXPECT_EQ(RunCheckCommand(request, Own(), runner).status().code(), StatusCode::kPermissionDenied);
  request = Request();
  request.clear_timeout();
  EXPECT_EQ(RunCheckCommand(request, Own(), runner).status().code(), StatusCode::kInvalidArgument);
  request = Request();
  request.clear_cmd();
  EXPECT_EQ(RunCheckCommand(request, Own(), runner).status().code(), StatusCode::kInvalidArgument);
  request = Request();
  request.clear_kind();
  EXPECT_EQ(RunCheckCommand(request, Own(), runner).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(runner.spawned(), 0);
}

TEST(CheckRunnerTest, AStoppedRunnerIsNoAnswerAboutTheHost) {
  FakeProcessRunner runner;
  runner.Stop();
  EXPECT_EQ(RunCheckCommand(Request(), Own(), runner).status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gitops
