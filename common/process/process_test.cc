#include "common/process/process.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/path/fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Command Shell(const std::string& script) { return {.argv = {"sh", "-c", script}}; }

class ProcessTest : public ::testing::Test {
 protected:
  // The output of a command that must succeed.
  std::string Output(const Command& command) {
    const absl::StatusOr<CommandResult> result = runner_->Run(command);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return "";
    EXPECT_EQ(result->exit_status, 0) << result->error_output;
    return result->output;
  }
  absl::Status Error(const Command& command) { return runner_->Run(command).status(); }

  std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
};

TEST_F(ProcessTest, WithoutDescriptorsNothingIsSaidToBeMissing) {
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "the sanitizer itself opens a pipe to look at an object";
#endif
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  Command command = Shell("true");
  command.user = "nobody";
  const absl::Status error = Error(command);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(error.ok());
  EXPECT_FALSE(absl::IsNotFound(error)) << error;
  EXPECT_THAT(error.message(), HasSubstr("Too many open files"));
}

TEST_F(ProcessTest, OutputErrorOutputAndStatusAreKeptApart) {
  const absl::StatusOr<CommandResult> result =
      runner_->Run(Shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_status, 3);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->error_output, "err\n");
  EXPECT_FALSE(result->ok());
}

TEST_F(ProcessTest, OutputToAFileHasBothStreamsInTheirOrderAndIsNotKept) {
  const Fd file(memfd_create("output", MFD_CLOEXEC));
  Command command = Shell("echo one; echo two >&2; echo three");
  command.output_file = file.get();
  command.max_output = 1;
  const absl::StatusOr<CommandResult> result = runner_->Run(command);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "");
  EXPECT_EQ(result->error_output, "");
  char text[64] = "";
  EXPECT_EQ(pread(file.get(), text, sizeof(text) - 1, 0), 14);
  EXPECT_STREQ(text, "one\ntwo\nthree\n");
}

TEST_F(ProcessTest, WhatIsLeftBehindKeepsAnOutputFile) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  // It writes after its parent has ended, when a pipe of the runner would be closed.
  Command command = Shell("(while kill -0 $$; do :; done 2>/dev/null; echo still here) & exit 0");
  command.output_file = write_end.get();
  const absl::StatusOr<CommandResult> result = runner_->Run(command);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_status, 0);
  write_end.Close();
  char text[64] = "";
  EXPECT_EQ(read(read_end.get(), text, sizeof(text) - 1), 11);
  EXPECT_STREQ(text, "still here\n");
}

TEST_F(ProcessTest, ATimeLimitKillsTheGroupOfACommandWithAnOutputFileToo) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  Command command = Shell("sleep 1000 & echo started; wait");
  command.output_file = write_end.get();
  command.timeout = absl::Milliseconds(300);
  EXPECT_EQ(Error(command).code(), absl::StatusCode::kDeadlineExceeded);
  write_end.Close();
  char text[64] = "";
  EXPECT_EQ(read(read_end.get(), text, sizeof(text) - 1), 8);
  EXPECT_EQ(read(read_end.get(), text, sizeof(text) - 1), 0) << "a member of the group lives";
}

TEST_F(ProcessTest, ASignalIsAStatusFrom128Up) {
  const absl::StatusOr<CommandResult> result = runner_->Run(Shell("kill -9 $$"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_status, 128 + SIGKILL);
}

TEST_F(ProcessTest, SpawnsAreCounted) {
  EXPECT_EQ(runner_->spawned(), 0);
  Output({.argv = {"true"}});
  EXPECT_FALSE(Error({.argv = {"no-such-program"}}).ok());
  Output({.argv = {"/bin/true"}});
  EXPECT_EQ(runner_->spawned(), 2);
}

TEST_F(ProcessTest, InputLargerThanAPipeComesBackWhole) {
  std::string input;
  for (int i = 0; input.size() < (3 << 20); ++i) input += std::to_string(i) + "\n";
  EXPECT_EQ(Output({.argv = {"cat"}, .input = input}), input);
}

TEST_F(ProcessTest, NoInputIsAnEmptyOne) { EXPECT_EQ(Output({.argv = {"cat"}}), ""); }

TEST_F(ProcessTest, InputThatIsNotReadHarmsNobody) {
  EXPECT_EQ(Output({.argv = {"true"}, .input = std::string(1 << 20, 'x')}), "");
  sigset_t pending;
  sigpending(&pending);
  EXPECT_FALSE(sigismember(&pending, SIGPIPE));
}

TEST_F(ProcessTest, TheEnvironmentIsOnlyWhatIsGiven) {
  setenv("GITOPS_TEST_LEAK", "x", 1);
  const std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";
  EXPECT_EQ(Output({.argv = {"env"}}), path);
  EXPECT_EQ(Output({.argv = {"env"}, .environment = {{"A", "b=c"}}}), path + "A=b=c\n");
  EXPECT_EQ(Output({.argv = {"env"}, .environment = {{"PATH", "/bin"}}}), "PATH=/bin\n");
}

TEST_F(ProcessTest, TheDirectoryIsTheRootOrTheOneGiven) {
  EXPECT_EQ(Output({.argv = {"pwd"}}), "/\n");
  EXPECT_EQ(Output({.argv = {"pwd"}, .directory = "/usr"}), "/usr\n");
  EXPECT_EQ(Output({.argv = {"bin/true"}, .directory = "/usr"}), "");
}

TEST_F(ProcessTest, OnlyTheStandardStreamsAreInherited) {
  // Not marked close-on-exec, as a careless library does it.
  const int leaked = fcntl(STDIN_FILENO, F_DUPFD, 50);
  ASSERT_GE(leaked, 50);
  // As the shell's own may be: it uses those from 10 to 20.
  const std::string output =
      Output(Shell("for fd in 0 1 2 3 4 5 6 7 8 9 " + std::to_string(leaked) +
                   "; do [ -e /proc/$$/fd/$fd ] && "
                   "echo $fd; done; true"));
  close(leaked);
  EXPECT_EQ(output, "0\n1\n2\n");
}

TEST_F(ProcessTest, AClosedStandardStreamOfOursDoesNotConfuseTheChilds) {
  const int kept = dup(STDIN_FILENO);
  close(STDIN_FILENO);
  EXPECT_EQ(Output({.argv = {"cat"}, .input = "text"}), "text");
  if (kept >= 0) {
    dup2(kept, STDIN_FILENO);
    close(kept);
  }
}

TEST_F(ProcessTest, SignalsAreAsTheyAreByDefault) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto handler = signal(SIGPIPE, SIG_IGN);
  const std::string status = Output({.argv = {"cat", "/proc/self/status"}});
  signal(SIGPIPE, handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_THAT(status, HasSubstr("SigBlk:\t0000000000000000\n"));
  const size_t ignored = status.find("SigIgn:\t");
  ASSERT_NE(ignored, std::string::npos);
  // Without 32 and 33, which are glibc's own.
  EXPECT_EQ(std::stoull(status.substr(ignored + 8), nullptr, 16) & 0x7fffffff, 0u);
}

TEST_F(ProcessTest, EachCommandHasAGroupOfItsOwn) {
  // Fields 1 and 5 of stat are the process and its group.
  EXPECT_EQ(Output(Shell("read -r pid name state parent group rest < /proc/self/stat; "
                         "[ $pid = $group ] && echo leader")),
            "leader\n");
}

TEST_F(ProcessTest, OutputIsHandedOverAsItComes) {
  std::string seen;
  Command command = Shell("echo one; echo two");
  command.on_output = [&](absl::string_view piece) {
    seen.append(piece.data(), piece.size());
    return absl::OkStatus();
  };
  EXPECT_EQ(Output(command), "");
  EXPECT_EQ(seen, "one\ntwo\n");
}

TEST_F(ProcessTest, ManyAtATimeDoNotMix) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(8);
  for (size_t i = 0; i < outputs.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto result = runner_->Run({.argv = {"cat"}, .input = std::string(100000, 'a' + i)});
      if (result.ok()) outputs[i] = result->output;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i], std::string(100000, 'a' + i));
}

TEST_F(ProcessTest, WhatCannotBeRunIsSaidWithItsKindAndWithoutArguments) {
  struct Case {
    Command command;
    absl::StatusCode code;
    std::string says;
  };
  const std::string nul("a\0b", 3);
  const Case cases[] = {
      {{.argv = {}}, absl::StatusCode::kInvalidArgument, "no program"},
      {{.argv = {"true", nul}}, absl::StatusCode::kInvalidArgument, "NUL"},
      {{.argv = {"true"}, .environment = {{"A=B", "c"}}},
       absl::StatusCode::kInvalidArgument,
       "invalid"},
      {{.argv = {"no-such-program", "hunter2"}},
       absl::StatusCode::kNotFound,
       "run no-such-program: there is no such program in /usr/local/sbin"},
      {{.argv = {"/no/such", "hunter2"}}, absl::StatusCode::kNotFound, "no program /no/such"},
      {{.argv = {"true", "hunter2"}, .directory = "/no/such"},
       absl::StatusCode::kNotFound,
       "run true in /no/such: there is no such directory"},
      {{.argv = {"true", "hunter2"}, .user = "no-such-user"},
       absl::StatusCode::kNotFound,
       "no account \"no-such-user\""},
      {{.argv = {"/etc/passwd", "hunter2"}},
       absl::StatusCode::kPermissionDenied,
       "/etc/passwd may not be executed"},
      {{.argv = {"/etc", "hunter2"}}, absl::StatusCode::kNotFound, "no program /etc"},
  };
  for (const Case& c : cases) {
    const absl::Status status = Error(c.command);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
  }
  EXPECT_EQ(runner_->spawned(), 0);
}

TEST_F(ProcessTest, TheCallersOwnAccountGetsItsHome) {
  const passwd* const self = getpwuid(geteuid());
  ASSERT_NE(self, nullptr);
  const std::string name = self->pw_name, home = self->pw_dir;
  EXPECT_EQ(Output({.argv = {"sh", "-c", "echo $HOME $USER $LOGNAME"}, .user = name}),
            home + " " + name + " " + name + "\n");
}

TEST_F(ProcessTest, AnotherAccountIsTakenWithItsGroupsAndHome) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(Output({.argv = {"sh", "-c", "id -un; id -gn; id -Gn; echo $HOME $USER $LOGNAME"},
                    .environment = {{"HOME", "/given"}},
                    .user = "daemon"}),
            "daemon\ndaemon\ndaemon\n/given daemon daemon\n");
  EXPECT_EQ(Output({.argv = {"sh", "-c", "echo $HOME"}, .user = "daemon"}), "/usr/sbin\n");
}

TEST_F(ProcessTest, AnotherAccountGetsNoneOfRootsCapabilities) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string status = Output({.argv = {"cat", "/proc/self/status"}, .user = "daemon"});
  for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_THAT(status, HasSubstr(std::string(set) + ":\t0000000000000000\n"));
  }
}

TEST_F(ProcessTest, AScriptWhoseInterpreterIsMissingIsNotFoundForEveryAccount) {
  char script[] = "/tmp/gitops_process_test.XXXXXX";
  const int fd = mkstemp(script);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(write(fd, "#!/no/such/sh\n", 14), 14);
  fchmod(fd, 0755);
  close(fd);
  std::vector<Command> commands = {{.argv = {script}}, {.argv = {script}, .max_file_size = 100}};
  if (geteuid() == 0) commands.push_back({.argv = {script}, .user = "daemon"});
  for (const Command& command : commands) {
    const absl::Status status = Error(command);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("No such file or directory"));
  }
  unlink(script);
}

}  // namespace
}  // namespace gitops
