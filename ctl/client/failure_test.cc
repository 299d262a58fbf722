#include "ctl/client/failure.h"

#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

TEST(FailureTest, ExitCodeFollowsTheStatus) {
  const struct {
    absl::Status status;
    ExitCode code;
  } kCases[] = {
      {absl::NotFoundError(""), kFailed},
      {absl::FailedPreconditionError(""), kFailed},
      {absl::UnavailableError("the upstream is gone"), kFailed},
      {absl::AbortedError(""), kFailed},
      {absl::InternalError(""), kFailed},
      {absl::UnauthenticatedError(""), kUnreachable},
      {absl::PermissionDeniedError(""), kUnreachable},
      {absl::DeadlineExceededError(""), kTimedOut},
      {WithExitCode(absl::UnavailableError("refused"), kUnreachable), kUnreachable},
      {WithExitCode(absl::InvalidArgumentError("bad flag"), kUsage), kUsage},
  };
  for (const auto& c : kCases) EXPECT_EQ(ExitCodeOf(c.status), c.code) << c.status;
}

TEST(FailureTest, TextSaysWhatWasDoneWhatHappenedAndWhatToDo) {
  EXPECT_EQ(
      FailureText("rollback nginx on web1:8004",
                  WithHint(absl::NotFoundError("no revision begins with abcd"), "look")),
      "gitopsctl: rollback nginx on web1:8004: no revision begins with abcd (NOT_FOUND); look");
}

TEST(FailureTest, MessageOfTheAgentCannotControlTheTerminal) {
  EXPECT_EQ(FailureText("", absl::NotFoundError("\x1b[2Jgone\n")),
            "gitopsctl: \\x1b[2Jgone\\n (NOT_FOUND)");
}

TEST(FailureTest, UsageErrorsShowNoCode) {
  EXPECT_EQ(FailureText("", WithExitCode(absl::InvalidArgumentError("unknown flag"), kUsage)),
            "gitopsctl: unknown flag");
}

}  // namespace
}  // namespace gitops::ctl
