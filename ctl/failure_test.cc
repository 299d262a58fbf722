#include "ctl/failure.h"

#include <gtest/gtest.h>

#include "common/rpc/error.h"

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
      {absl::InvalidArgumentError("bad flag"), kUsage},
      {MakeError(Reason::kWholeFleet, "all?"), kUsage},
      {MakeError(Reason::kHostUnreachable, "the planner does not reach web1"), kFailed},
  };
  for (const auto& c : kCases) EXPECT_EQ(ExitCodeOf(c.status), c.code) << c.status;
}

TEST(FailureTest, TextSaysWhatWasDoneWhatHappenedAndWhatToDo) {
  EXPECT_EQ(
      FailureText("rollback nginx on web1:8004",
                  WithHint(absl::NotFoundError("no revision begins with abcd"), "look")),
      "gitopsctl: rollback nginx on web1:8004: no revision begins with abcd (NOT_FOUND); look");
}

TEST(FailureTest, ATimeoutNamesItsFlagAndWhetherAChangeGoesOn) {
  const absl::Status late = absl::DeadlineExceededError("no answer");
  EXPECT_EQ(FailureText("", late),
            "gitopsctl: no answer (DEADLINE_EXCEEDED); --timeout sets another limit");
  EXPECT_EQ(FailureText("", FailedMove(late)),
            "gitopsctl: no answer (DEADLINE_EXCEEDED); what has begun goes on; --timeout sets "
            "another limit");
  EXPECT_EQ(FailureText("", FailedMove(absl::NotFoundError("gone"))),
            "gitopsctl: gone (NOT_FOUND)");
}

TEST(FailureTest, MessageOfTheAgentCannotControlTheTerminal) {
  EXPECT_EQ(FailureText("", absl::NotFoundError("\x1b[2Jgone\n")),
            "gitopsctl: \\x1b[2Jgone\\n (NOT_FOUND)");
}

TEST(FailureTest, UsageErrorsShowNoCode) {
  EXPECT_EQ(FailureText("", absl::InvalidArgumentError("unknown flag")), "gitopsctl: unknown flag");
}

}  // namespace
}  // namespace gitops::ctl
