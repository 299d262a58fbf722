#include "agent/nix/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/path/read_file.h"
#include "common/path/temporary_directory.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ActivationTest : public ::testing::Test {
 protected:
  ActivationTest() {
    program_.service = "web";
    program_.profile = directory_ / "profile";
    program_.output_file = directory_ / "state/activate/web.log";
  }

  void Write(const std::string& script, mode_t mode = 0755) const {
    directory_.Write("profile/bin/activate", script);
    ASSERT_EQ(chmod((program_.profile + "/bin/activate").c_str(), mode), 0);
  }
  absl::Status Run(std::stop_token stop = {}) {
    return RunProfileProgram(*runner_, program_, stop);
  }
  std::string Output() const { return directory_.Read("state/activate/web.log"); }
  // Of this test's program in the log.
  int Logged(const std::string& text) const {
    int count = 0;
    for (const std::string& line : RecentLogLines()) {
      if (absl::StrContains(line, text)) ++count;
    }
    return count;
  }

  // One that has ended and that nobody has waited for does not.
  static bool Lives(int process) {
    const std::string status = ReadWholeFile(absl::StrCat("/proc/", process, "/stat")).value_or("");
    return !status.empty() && !absl::StrContains(status, ") Z ");
  }

  const TemporaryDirectory directory_;
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  ProfileProgram program_;
};

TEST_F(ActivationTest, TheProgramRunsFromTheProfileWithItsEnvironment) {
  Write("#!/bin/sh\necho \"$0 in $(pwd) is $GITOPS_COLOR with $PATH\"\n");
  program_.environment = {{"GITOPS_COLOR", "green"}};
  const absl::Status status = Run();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(Output(), AllOf(HasSubstr(program_.profile + "/bin/activate in / is green with /usr"),
                              HasSubstr(":/run/current-system/sw/bin")));
}

TEST_F(ActivationTest, OutputOfBothStreamsGoesToTheLogAndItsFileHasTheLastRunOnly) {
  Write("#!/bin/sh\necho first-run-out; echo first-run-err >&2; printf unfinished-line\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "first-run-out\nfirst-run-err\nunfinished-line");
  for (const char* line : {"first-run-out", "first-run-err", "unfinished-line"}) {
    EXPECT_EQ(Logged(line), 1) << line;
  }
  Write("#!/bin/sh\necho second\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "second\n");
  struct stat status = {};
  ASSERT_EQ(stat(program_.output_file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600);
}

TEST_F(ActivationTest, OutputIsLoggedWhileTheProgramRuns) {
  ASSERT_EQ(mkfifo((directory_ / "go").c_str(), 0600), 0);
  Write(absl::StrCat("#!/bin/sh\necho early-line\nread x < ", directory_ / "go", "\n"));
  absl::Status status;
  std::thread activation([&] { status = Run(); });
  EXPECT_TRUE(Eventually([&] { return Logged("early-line") == 1; }));
  directory_.Write("go", "on\n");
  activation.join();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(ActivationTest, AFailureHasTheExitStatusAndTheLastLines) {
  Write("#!/bin/sh\nfor i in $(seq 1 5000); do echo line $i; done; echo broken >&2; exit 3\n");
  const absl::Status status = Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("bin/activate: it failed with exit status 3"),
                    HasSubstr("line 5000\nbroken"), Not(HasSubstr("line 4000\n"))));
  EXPECT_LT(status.message().size(), 1500);
  EXPECT_EQ(Logged("further output of activate is not logged"), 1);
  EXPECT_EQ(Logged("line=\"line 500\""), 1);
  EXPECT_EQ(Logged("line=\"line 501\""), 0);
}

TEST_F(ActivationTest, ASignalThatEndsItIsNamed) {
  Write("#!/bin/sh\nkill -9 $$\n");
  EXPECT_THAT(std::string(Run().message()), HasSubstr("signal 9 ended it"));
}

TEST_F(ActivationTest, AHangingProgramIsKilledWithItsGroupAtItsTimeLimit) {
  Write("#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho child $!\nwait\nwait\n");
  program_.timeout = absl::Milliseconds(300);
  const absl::Status status = Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("300ms"), HasSubstr("child")));
  int child = 0;
  ASSERT_TRUE(absl::SimpleAtoi(Output().substr(6), &child)) << Output();
  EXPECT_TRUE(Eventually([&] { return !Lives(child); })) << "the child lives";
}

TEST_F(ActivationTest, WhatItLeavesRunningAfterSuccessIsLeftAloneAndMayWrite) {
  ASSERT_EQ(mkfifo((directory_ / "go").c_str(), 0600), 0);
  Write(absl::StrCat("#!/bin/sh\n(read x < ", directory_ / "go",
                     "; echo the daemon writes) &\necho $!\n"));
  ASSERT_TRUE(Run().ok());
  int daemon = 0;
  ASSERT_TRUE(absl::SimpleAtoi(Output(), &daemon)) << Output();
  EXPECT_TRUE(Lives(daemon));
  directory_.Write("go", "on\n");
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Output(), "the daemon writes"); }));
}

TEST_F(ActivationTest, AMissingProgramNamesTheProfile) {
  directory_.Write("profile/share/x", "");
  const absl::Status status = Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(program_.profile), HasSubstr("has no program bin/activate")));
}

TEST_F(ActivationTest, AProgramThatCannotBeExecutedIsAFailureOfTheActivation) {
  Write("#!/bin/sh\n", 0644);
  const absl::Status mode = Run();
  EXPECT_EQ(mode.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(mode.message()), HasSubstr("may not be executed"));
  Write("#!/no/such/interpreter\n");
  EXPECT_EQ(Run().code(), absl::StatusCode::kFailedPrecondition);
  Write("no program at all");
  EXPECT_EQ(Run().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ActivationTest, ARequestedStopKillsItAndIsNoFailure) {
  Write("#!/bin/sh\necho started\nsleep 1000\n");
  std::stop_source stop;
  absl::Status status;
  std::thread activation([&] { status = Run(stop.get_token()); });
  EXPECT_TRUE(Eventually([&] { return Output() == "started\n"; }));
  stop.request_stop();
  activation.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
}

TEST_F(ActivationTest, AnOutputFileThatCannotBeWrittenIsAnErrorAndNothingRuns) {
  Write(absl::StrCat("#!/bin/sh\ntouch ", directory_ / "ran", "\n"));
  std::filesystem::create_directories(program_.output_file);
  const absl::Status status = Run();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(program_.output_file));
  EXPECT_FALSE(directory_.Has("ran"));
}

}  // namespace
}  // namespace gitops
