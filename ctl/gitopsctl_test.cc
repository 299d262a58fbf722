// What only the real program can show: its pipes, its signals, and its completion in real shells.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/testing/fake_agent.h"
#include "ctl/testing/fake_planner.h"

extern char** environ;

namespace gitops::ctl {
namespace {

using ::testing::HasSubstr;

constexpr char kProgram[] = "ctl/gitopsctl";

// A child whose stdout and stderr are read together.
class Child {
 public:
  explicit Child(std::vector<std::string> command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    spawned_ = posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
  }
  ~Child() { close(output_); }

  pid_t pid() const { return pid_; }
  bool spawned() const { return spawned_; }

  // One read; empty at the end.
  std::string Read() {
    char text[4096];
    const ssize_t n = read(output_, text, sizeof(text));
    return n > 0 ? std::string(text, n) : "";
  }

  std::string ReadAll() {
    std::string all;
    for (std::string part = Read(); !part.empty(); part = Read()) all += part;
    return all;
  }

  // The exit status; 1000 and the number for a signal.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  bool spawned_ = false;
  int output_ = -1;
};

class GitopsctlTest : public testing::Test {
 protected:
  GitopsctlTest() : agent_(FakeAgent::Start()) {
    for (const char* name : {"caddy", "nginx"}) {
      v1::Service service;
      service.set_service(name);
      service.set_state(v1::SERVICE_STATE_OK);
      agent_->Put(service);
    }
  }

  std::string Host() const { return "@" + agent_->address(); }

  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(GitopsctlTest, CtrlCEndsAWatchQuietly) {
  Child child({kProgram, "watch", Host(), "-o", "name"});
  ASSERT_TRUE(child.spawned());
  ASSERT_FALSE(child.Read().empty());
  kill(child.pid(), SIGINT);
  EXPECT_EQ(child.Wait(), 130);
  EXPECT_EQ(child.ReadAll().find("gitopsctl"), std::string::npos);
}

TEST_F(GitopsctlTest, CtrlCWhileADeploymentRunsSaysThatItGoesOn) {
  const std::unique_ptr<FakePlanner> planner = FakePlanner::Start();
  v1::Deployment deployment;
  deployment.set_id("d1");
  deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
  planner->PutDeployment(deployment);
  Child child({kProgram, "deploy", "sync", "--all", "-y", "--planner", planner->address()});
  ASSERT_TRUE(child.spawned());
  ASSERT_THAT(child.Read(), HasSubstr("RUNNING"));
  kill(child.pid(), SIGINT);
  EXPECT_EQ(child.Wait(), 130);
  EXPECT_EQ(
      child.ReadAll(),
      "\ngitopsctl: deployment d1 continues; gitopsctl watch deployment d1 shows it, gitopsctl "
      "cancel deployment d1 ends it\n");
}

TEST_F(GitopsctlTest, PayloadComesFromStandardInput) {
  const std::unique_ptr<FakePlanner> planner = FakePlanner::Start();
  Child child({"bash", "-c",
               absl::StrCat(R"(echo '{"host":"web1","actions":["sync"]}' | )", kProgram,
                            " hooks test pre-deploy -o name --planner ", planner->address())});
  EXPECT_EQ(child.ReadAll(), "");
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_THAT(planner->calls().at(0).request, HasSubstr("actions: \"sync\""));
}

TEST_F(GitopsctlTest, AReaderThatStopsEarlyIsNoError) {
  // The reader has gone before anything is written.
  Child child({"bash", "-c",
               absl::StrCat("exec 3> >(:); wait $!; ", kProgram, " list services ", Host(),
                            " >&3; echo status $?")});
  EXPECT_EQ(child.ReadAll(), "status 0\n");
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(GitopsctlTest, AFullDiskIsAnError) {
  Child child({"bash", "-c", absl::StrCat(kProgram, " list services ", Host(), " >/dev/full")});
  EXPECT_THAT(child.ReadAll(), HasSubstr("cannot write to standard output: No space left"));
  EXPECT_EQ(child.Wait(), 1);
}

// Completes `line` in bash as the user's shell would, and prints what it would offer.
std::string CompleteInBash(const std::string& line) {
  Child child({"bash", "-c",
               R"sh(PATH=$PWD/ctl:$PATH; eval "$(gitopsctl completion bash)"
                  COMP_LINE="$1" COMP_POINT=${#1}; _gitopsctl; echo "${COMPREPLY[@]}")sh",
               "bash", line});
  return child.ReadAll();
}

TEST_F(GitopsctlTest, CompletesInBash) {
  EXPECT_EQ(CompleteInBash("gitopsctl li"), "list\n");
  EXPECT_EQ(CompleteInBash("gitopsctl list "),
            "services machines hosts deployments hooks locks pipelines promotions\n");
  EXPECT_EQ(CompleteInBash("gitopsctl list services --output=y"), "yaml\n");
  EXPECT_EQ(CompleteInBash("gitopsctl freeze " + Host() + " "), "caddy nginx\n");
  EXPECT_EQ(CompleteInBash("gitopsctl freeze " + Host() + " n"), "nginx\n");
}

TEST_F(GitopsctlTest, ScriptsAreValidInTheShellsThatAreHere) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    Child child({"bash", "-c",
                 absl::StrCat("command -v ", shell, " >/dev/null || { echo absent; exit 0; }; ",
                              kProgram, " completion ", shell, " >$TEST_TMPDIR/script && ", shell,
                              " -n $TEST_TMPDIR/script")});
    const std::string output = child.ReadAll();
    EXPECT_TRUE(output.empty() || output == "absent\n") << shell << ": " << output;
    EXPECT_EQ(child.Wait(), 0) << shell;
  }
}

}  // namespace
}  // namespace gitops::ctl
