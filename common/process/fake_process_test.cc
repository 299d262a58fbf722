#include "common/process/fake_process.h"

#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace gitops {
namespace {

class FakeProcessTest : public ::testing::Test {
 protected:
  std::string Output(std::vector<std::string> argv) {
    const absl::StatusOr<CommandResult> result = runner_.Run({.argv = std::move(argv)});
    return result.ok() ? result->output : result.status().ToString();
  }

  FakeProcessRunner runner_;
};

TEST_F(FakeProcessTest, WithoutARuleEverythingSucceedsSilently) {
  const auto result = runner_.Run({.argv = {"git", "fetch"}});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->output, "");
}

TEST_F(FakeProcessTest, TheNewestRuleWhoseWordsFitAnswers) {
  runner_.On({"git"}, CommandResult{.output = "any"});
  runner_.On({"git", "fetch"}, CommandResult{.output = "fetch"});
  runner_.On({"git", "push"}, absl::UnavailableError("no route"));
  EXPECT_EQ(Output({"git", "-C", "/x", "fetch", "origin"}), "fetch");
  EXPECT_EQ(Output({"git", "status"}), "any");
  EXPECT_EQ(Output({"fetch", "git"}), "any");
  EXPECT_EQ(Output({"git", "push"}), "UNAVAILABLE: no route");
  EXPECT_EQ(Output({"ls"}), "");
}

TEST_F(FakeProcessTest, TheNthRunFromNowFails) {
  Output({"git"});
  runner_.FailNth(2, absl::ResourceExhaustedError("full"));
  EXPECT_EQ(Output({"git"}), "");
  EXPECT_EQ(Output({"git"}), "RESOURCE_EXHAUSTED: full");
  EXPECT_EQ(Output({"git"}), "");
  EXPECT_EQ(runner_.spawned(), 4);
}

TEST_F(FakeProcessTest, OutputGoesWhereTheCommandWantsIt) {
  runner_.On({"cat"}, CommandResult{.output = "text"});
  std::string seen;
  Command command = {.argv = {"cat"}};
  command.on_output = [&](absl::string_view piece) {
    seen = std::string(piece);
    return absl::OkStatus();
  };
  const auto result = runner_.Run(command);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->output, "");
  EXPECT_EQ(seen, "text");
  command.on_output = [](absl::string_view) { return absl::DataLossError("bad"); };
  EXPECT_EQ(runner_.Run(command).status(), absl::DataLossError("bad"));
}

TEST_F(FakeProcessTest, AHandlerSeesTheCommandAndMayUseTheRunner) {
  runner_.On({"outer"}, [&](const Command& command) {
    return CommandResult{.output = command.input + Output({"inner"})};
  });
  runner_.On({"inner"}, CommandResult{.output = " inner"});
  EXPECT_EQ(runner_.Run({.argv = {"outer"}, .input = "in"})->output, "in inner");
}

TEST_F(FakeProcessTest, WhatWasRunIsKeptCountedAndAwaited) {
  EXPECT_FALSE(runner_.AwaitCount({"fetch"}, 1, std::chrono::milliseconds(1)));
  std::thread fetcher([&] { Output({"git", "fetch"}); });
  EXPECT_TRUE(runner_.AwaitCount({"fetch"}, 1));
  fetcher.join();
  Output({"git", "status"});
  EXPECT_EQ(runner_.CountOf({"git"}), 2);
  ASSERT_EQ(runner_.commands().size(), 2u);
  EXPECT_EQ(runner_.commands()[1].argv[1], "status");
}

TEST_F(FakeProcessTest, AfterStopNothingRuns) {
  runner_.Stop();
  EXPECT_EQ(runner_.Run({.argv = {"git"}}).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(runner_.spawned(), 0);
}

}  // namespace
}  // namespace gitops
