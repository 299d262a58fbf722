#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "common/path/fd.h"
#include "common/process/process.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

class ConversationTest : public ::testing::Test {
 protected:
  std::unique_ptr<Conversation> Start(std::vector<std::string> argv) {
    Command command;
    command.argv = std::move(argv);
    auto started = runner_->Converse(command);
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? *std::move(started) : nullptr;
  }

  // Reads up to a newline.
  absl::StatusOr<std::string> AskLine(Conversation& conversation, const std::string& request,
                                      absl::Duration timeout = absl::Seconds(20), int cancel = -1) {
    std::string answer;
    const absl::Status status = conversation.Ask(
        request,
        [&](absl::string_view piece) -> absl::StatusOr<bool> {
          answer += std::string(piece);
          return answer.back() == '\n';
        },
        timeout, cancel);
    if (!status.ok()) return status;
    return answer;
  }

  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
};

TEST_F(ConversationTest, OneProcessAnswersManyRequests) {
  const auto cat = Start({"cat"});
  EXPECT_EQ(AskLine(*cat, "one\n").value(), "one\n");
  EXPECT_EQ(AskLine(*cat, "two\n").value(), "two\n");
  EXPECT_EQ(runner_->spawned(), 1);
}

TEST_F(ConversationTest, ARequestAndAnAnswerLargerThanThePipesDoNotBlockEachOther) {
  const auto cat = Start({"cat"});
  const std::string request = std::string(5 << 20, 'x') + "\n";
  EXPECT_EQ(AskLine(*cat, request).value(), request);
}

TEST_F(ConversationTest, AnEndIsToldWithItsStatusAndErrorOutput) {
  const auto shell = Start({"sh", "-c", "read line; echo broken >&2; exit 3"});
  const absl::Status status = AskLine(*shell, "x\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  ASSERT_TRUE(shell->ending().has_value());
  EXPECT_EQ(shell->ending()->exit_status, 3);
  EXPECT_EQ(shell->ending()->error_output, "broken\n");
}

TEST_F(ConversationTest, AProcessThatEndedBeforeTheRequestIsAnErrorAndNoSignal) {
  const auto gone = Start({"true"});
  EXPECT_EQ(AskLine(*gone, std::string(1 << 20, 'x')).status().code(), absl::StatusCode::kAborted);
}

TEST_F(ConversationTest, SilenceEndsAtTheTimeLimit) {
  const auto silent = Start({"sleep", "1000"});
  EXPECT_EQ(AskLine(*silent, "x\n", absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ConversationTest, ErrorOutputWithoutAnEndEndsAtTheTimeLimit) {
  const auto noisy = Start({"sh", "-c", "yes >&2; exit 0"});
  EXPECT_EQ(AskLine(*noisy, "x\n", absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ConversationTest, ADescendantThatGoesOnWritingDoesNotHoldUpTheEnd) {
  const auto shell = Start({"sh", "-c", "setsid yes >&2 & read line; exit 3"});
  EXPECT_EQ(AskLine(*shell, "x\n").status().code(), absl::StatusCode::kAborted);
  ASSERT_TRUE(shell->ending().has_value());
  EXPECT_EQ(shell->ending()->exit_status, 3);
}

TEST_F(ConversationTest, CancellingAndStoppingEndTheWait) {
  const auto silent = Start({"sleep", "1000"});
  const Fd event(eventfd(0, EFD_CLOEXEC));
  std::thread cancels([&] { eventfd_write(event.get(), 1); });
  EXPECT_EQ(AskLine(*silent, "x\n", absl::InfiniteDuration(), event.get()).status().code(),
            absl::StatusCode::kCancelled);
  cancels.join();
  const auto other = Start({"sleep", "1000"});
  std::thread stops([&] { runner_->Stop(); });
  EXPECT_EQ(AskLine(*other, "x\n", absl::InfiniteDuration()).status().code(),
            absl::StatusCode::kCancelled);
  stops.join();
  EXPECT_EQ(runner_->Converse({.argv = {"cat"}}).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(ConversationTest, ItsEndKillsTheWholeGroup) {
  auto shell = Start({"sh", "-c", "sleep 1000 & echo $!; read line; cat"});
  const pid_t sleeper = std::atoi(AskLine(*shell, "").value().c_str());
  ASSERT_EQ(kill(sleeper, 0), 0);
  shell.reset();
  // An orphan that nobody has waited for yet takes signals: it is gone when it is a zombie, too.
  const std::string state = "grep -q '^State:.[SRD]' /proc/" + std::to_string(sleeper) + "/status";
  Command check;
  check.argv = {"sh", "-c", "for i in $(seq 500); do " + state + " || exit 0; done; exit 1"};
  EXPECT_TRUE(runner_->Run(check)->ok());
}

TEST_F(ConversationTest, TheAnswersReaderMayRefuse) {
  const auto cat = Start({"cat"});
  const absl::Status status = cat->Ask(
      "x\n",
      [](absl::string_view) -> absl::StatusOr<bool> { return absl::DataLossError("not that"); },
      absl::Seconds(20), -1);
  EXPECT_EQ(status, absl::DataLossError("not that"));
}

TEST_F(ConversationTest, MemoryIsLimitedAndTheKernelKillsItFirst) {
  Command command;
  command.argv = {"sh", "-c", "ulimit -v; read go; cat /proc/self/oom_score_adj"};
  command.input = "go\n";  // comes when it has started
  command.max_memory = 64 << 20;
  command.oom_score_adj = 500;
  const auto result = runner_->Run(command);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->output, HasSubstr("65536\n500\n"));
}

}  // namespace
}  // namespace gitops
