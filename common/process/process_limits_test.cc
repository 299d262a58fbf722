#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/process/process.h"
#include "common/testing/eventually.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using SteadyClock = std::chrono::steady_clock;

Command Shell(const std::string& script) { return {.argv = {"sh", "-c", script}}; }

// Keeps what a killed command had written, which Run() does not return.
std::function<absl::Status(absl::string_view)> AppendTo(std::string& output) {
  return [&output](absl::string_view piece) {
    output.append(piece.data(), piece.size());
    return absl::OkStatus();
  };
}

// Whether a process of the number in `text` is gone, or will be before long.
bool Gone(const std::string& text) {
  const pid_t pid = std::stoi(text);
  return Eventually([pid] { return kill(pid, 0) != 0; });
}

class ProcessLimitsTest : public ::testing::Test {
 protected:
  std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
};

TEST_F(ProcessLimitsTest, TheTimeLimitKillsTheWholeGroup) {
  std::string output;
  Command command = Shell("sleep 1000 & echo $!; wait");
  command.timeout = absl::Milliseconds(200);
  command.on_output = AppendTo(output);
  const absl::Status status = runner_->Run(command).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message(), "sh was killed: it ran for longer than 200ms");
  ASSERT_NE(output, "");
  EXPECT_TRUE(Gone(output));
}

TEST_F(ProcessLimitsTest, WhatIgnoresSigtermGetsSigkill) {
  std::string output;
  Command command = Shell("trap '' TERM; echo $$; while :; do sleep 1000; done");
  command.timeout = absl::Milliseconds(200);
  command.on_output = AppendTo(output);
  const auto start = SteadyClock::now();
  EXPECT_EQ(runner_->Run(command).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(SteadyClock::now() - start, std::chrono::seconds(2));
  ASSERT_NE(output, "");
  EXPECT_TRUE(Gone(output));
}

TEST_F(ProcessLimitsTest, SigtermLetsItCleanUp) {
  char file[] = "/tmp/gitops_process_test.XXXXXX";
  close(mkstemp(file));
  Command command =
      Shell("trap 'echo cleaned > " + std::string(file) + "; exit 0' TERM; sleep 1000 & wait");
  command.timeout = absl::Milliseconds(200);
  EXPECT_EQ(runner_->Run(command).status().code(), absl::StatusCode::kDeadlineExceeded);
  struct stat status;
  ASSERT_EQ(stat(file, &status), 0);
  EXPECT_EQ(status.st_size, 8);
  unlink(file);
}

TEST_F(ProcessLimitsTest, SigtermLetsWhatItStartedCleanUpToo) {
  char file[] = "/tmp/gitops_process_test.XXXXXX";
  close(mkstemp(file));
  Command command = Shell("(trap 'echo cleaned > " + std::string(file) +
                          "; exit 0' TERM; sleep 1000 & wait) & wait");
  command.timeout = absl::Milliseconds(200);
  EXPECT_EQ(runner_->Run(command).status().code(), absl::StatusCode::kDeadlineExceeded);
  struct stat status;
  ASSERT_EQ(stat(file, &status), 0);
  EXPECT_EQ(status.st_size, 8);
  unlink(file);
}

TEST_F(ProcessLimitsTest, NoTimeLimitIsNone) {
  Command command = Shell("echo x");
  command.timeout = absl::InfiniteDuration();
  EXPECT_TRUE(runner_->Run(command).ok());
}

TEST_F(ProcessLimitsTest, MoreOutputThanAllowedKills) {
  Command command = {.argv = {"yes"}, .max_output = 100000};
  const absl::Status status = runner_->Run(command).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "yes was killed: it wrote more than the limit of 100000 bytes");
}

TEST_F(ProcessLimitsTest, ExactlyTheAllowedOutputIsFine) {
  const auto result = runner_->Run({.argv = {"printf", "%1000s", "x"}, .max_output = 1000});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output.size(), 1000u);
}

TEST_F(ProcessLimitsTest, OfErrorOutputTheEndIsKept) {
  const auto result = runner_->Run(Shell("seq 1 200000 >&2; echo last >&2"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->error_output.size(), 16u << 10);
  EXPECT_THAT(result->error_output, HasSubstr("200000\nlast\n"));
}

TEST_F(ProcessLimitsTest, AReaderThatRefusesKillsAndItsStatusIsTheResult) {
  Command command = {.argv = {"yes"}};
  int calls = 0;
  command.on_output = [&](absl::string_view) {
    ++calls;
    return absl::DataLossError("not what was expected");
  };
  EXPECT_EQ(runner_->Run(command).status(), absl::DataLossError("not what was expected"));
  EXPECT_EQ(calls, 1);
}

TEST_F(ProcessLimitsTest, NoFileGrowsBeyondItsLimit) {
  char file[] = "/tmp/gitops_process_test.XXXXXX";
  close(mkstemp(file));
  Command command = {.argv = {"dd", "if=/dev/zero", "bs=1000", "count=100", "status=none",
                              std::string("of=") + file}};
  command.max_file_size = 4096;
  const auto result = runner_->Run(command);
  struct stat status;
  ASSERT_EQ(stat(file, &status), 0);
  unlink(file);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_status, 128 + SIGXFSZ);
  EXPECT_EQ(status.st_size, 4096);
}

TEST_F(ProcessLimitsTest, ALimitAndAnAccountGoTogether) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  Command command = Shell("id -un; ulimit -f");
  command.user = "daemon";
  command.max_file_size = 1 << 20;
  const auto result = runner_->Run(command);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "daemon\n2048\n");
}

TEST_F(ProcessLimitsTest, WhatStaysBehindWithThePipesHoldsNobodyUp) {
  const auto start = SteadyClock::now();
  const auto result = runner_->Run(Shell("sleep 1000 & echo $!"));
  EXPECT_LT(SteadyClock::now() - start, std::chrono::seconds(5));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_status, 0);
  // It was not asked to go, so it is still there.
  EXPECT_EQ(kill(std::stoi(result->output), SIGKILL), 0);
}

TEST_F(ProcessLimitsTest, StopKillsWhatRunsAndRefusesWhatComesAfter) {
  std::atomic<bool> runs = false;
  Command command = Shell("echo running; sleep 1000");
  command.on_output = [&](absl::string_view) {
    runs = true;
    runs.notify_all();
    return absl::OkStatus();
  };
  absl::Status status;
  std::thread running([&] { status = runner_->Run(command).status(); });
  runs.wait(false);
  runner_->Stop();
  running.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(runner_->Run({.argv = {"true"}}).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(runner_->spawned(), 1);
}

TEST_F(ProcessLimitsTest, ACallerThatGivesUpHasItsCommandKilled) {
  int asked = 0;
  Command command = {.argv = {"sleep", "600"}, .give_up = [&] { return ++asked == 3; }};
  EXPECT_EQ(runner_->Run(command).status().code(), absl::StatusCode::kCancelled);
  command = {.argv = {"true"}, .give_up = [] { return false; }};
  EXPECT_TRUE(runner_->Run(command).ok());
}

TEST_F(ProcessLimitsTest, ACancelDescriptorKillsItsCommandAndNoOther) {
  std::array<int, 2> pipe_ends;
  ASSERT_EQ(pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  Command command = {.argv = {"sleep", "600"}, .cancel = pipe_ends[0]};
  absl::Status status;
  std::thread running([&] { status = runner_->Run(command).status(); });
  ASSERT_EQ(write(pipe_ends[1], "x", 1), 1);
  running.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(runner_->Run({.argv = {"true"}}).ok());
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace gitops
