#include "agent/operation/reboot_action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/activate/fake_systemd.h"
#include "common/path/temporary_directory.h"
#include "common/process/fake_process.h"

namespace gitops {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RebootTest : public testing::Test {
 protected:
  RebootTest() { directory_.Write("boot", "first\n"); }

  ActionOutcome Ask(const std::string& command, bool again = false) {
    return Reboot({.command = command,
                   .boot_id_file = directory_ / "boot",
                   .systemd = &systemd_,
                   .runner = &runner_,
                   .clock = Clock::System()},
                  "first", again);
  }

  TemporaryDirectory directory_;
  FakeSystemd systemd_;
  FakeProcessRunner runner_;
};

TEST_F(RebootTest, AsksSystemdAndAnswersWithTheBootThatEnds) {
  const ActionOutcome outcome = Ask("");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.response.boot_id(), "first");
  EXPECT_THAT(systemd_.changes(), ElementsAre("reboot"));
}

TEST_F(RebootTest, RunsTheCommandInsteadWhereOneIsGiven) {
  ASSERT_TRUE(Ask("systemctl  kexec").ok());
  EXPECT_THAT(runner_.commands()[0].argv, ElementsAre("systemctl", "kexec"));
  EXPECT_THAT(systemd_.changes(), IsEmpty());
}

TEST_F(RebootTest, ThatCannotBeAskedForHasFailed) {
  systemd_.FailCall(1, absl::UnavailableError("no bus"));
  const ActionOutcome by_bus = Ask("");
  EXPECT_EQ(by_bus.code, StatusCode::kInternal);
  EXPECT_THAT(by_bus.message, HasSubstr("no bus"));
  runner_.On({"kexec"}, {.exit_status = 1, .error_output = "no kernel loaded\n"});
  const ActionOutcome by_command = Ask("systemctl kexec");
  EXPECT_EQ(by_command.code, StatusCode::kInternal);
  EXPECT_THAT(by_command.message, HasSubstr("systemctl kexec: exit status 1: no kernel loaded"));
}

TEST_F(RebootTest, IsNotAskedForAgainInAnotherBoot) {
  directory_.Write("boot", "second\n");
  const ActionOutcome outcome = Ask("", /*again=*/true);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.response.boot_id(), "first");
  EXPECT_THAT(systemd_.changes(), IsEmpty());
}

TEST_F(RebootTest, ThatTheAgentsEndPreventedIsAskedForAgain) {
  ASSERT_TRUE(Ask("", /*again=*/true).ok());
  EXPECT_THAT(systemd_.changes(), ElementsAre("reboot"));
}

}  // namespace
}  // namespace gitops
