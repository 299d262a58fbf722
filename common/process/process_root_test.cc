#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "common/path/fd.h"
#include "common/path/temporary_directory.h"
#include "common/process/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

Command Shell(const std::string& script) { return {.argv = {"sh", "-c", script}}; }

// A root directory with nothing but a shell, its libraries, /dev/null, and a file.
class ProcessRootTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root may change a process's root";
    const auto copied = NewProcessRunner()->Run(Shell(
        "cp -L --parents /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*') " + directory_.path() +
        " && mkdir " + directory_ / "dev" + " && mknod " + directory_ / "dev/null" + " c 1 3"));
    ASSERT_TRUE(copied.ok() && copied->ok()) << copied.status() << copied->error_output;
    std::ofstream(directory_.path() + "/only-there") << "found\n";
    root_ = Fd(open(directory_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    runner_ = NewProcessRunner(root_.get());
  }

  TemporaryDirectory directory_;
  Fd root_;
  std::unique_ptr<ProcessRunner> runner_;
};

TEST_F(ProcessRootTest, ProgramsHaveTheOtherRootAndThisProcessKeepsItsOwn) {
  const auto result = runner_->Run(Shell("read word < /only-there && echo $word"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "found\n") << result->error_output;
  EXPECT_NE(access("/only-there", F_OK), 0);
  const auto here = NewProcessRunner()->Run(Shell("test -e /only-there"));
  ASSERT_TRUE(here.ok()) << here.status();
  EXPECT_EQ(here->exit_status, 1);
}

TEST_F(ProcessRootTest, ConversationIsWithAProgramOfTheOtherRoot) {
  auto conversation =
      runner_->Converse(Shell("while read name; do read word < $name; echo $word; done"));
  ASSERT_TRUE(conversation.ok()) << conversation.status();
  std::string answer;
  const auto until_line = [&](absl::string_view piece) -> absl::StatusOr<bool> {
    answer.append(piece.data(), piece.size());
    return answer.find('\n') != std::string::npos;
  };
  const absl::Status asked =
      (*conversation)->Ask("/only-there\n", until_line, absl::Seconds(20), /*cancel=*/-1);
  EXPECT_TRUE(asked.ok()) << asked;
  EXPECT_EQ(answer, "found\n");
}

TEST_F(ProcessRootTest, ProgramThatIsOnlyInThisRootIsNotFound) {
  const absl::Status status = runner_->Run({.argv = {"ls"}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(status.message(), HasSubstr("there is no such program"));
}

TEST_F(ProcessRootTest, DirectoryIsLookedUpInTheOtherRoot) {
  Command command = Shell("pwd");
  command.directory = directory_.path();
  EXPECT_EQ(runner_->Run(command).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ProcessRootTest, RootThatIsNoneIsAnErrorThatSaysSo) {
  const Fd file(open((directory_.path() + "/only-there").c_str(), O_PATH | O_CLOEXEC));
  const absl::Status status = NewProcessRunner(file.get())->Run(Shell("true")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(status.message(), HasSubstr("change the root directory: Not a directory"));
}

}  // namespace
}  // namespace gitops
