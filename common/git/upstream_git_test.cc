#include "common/git/upstream_git.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "common/git/test_repository.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(FindAccount, AnUnknownOneIsNamedAndTheOwnOneNeedsNoChange) {
  EXPECT_EQ(FindAccount("no-such-user-here").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(FindAccount("no-such-user-here").status().message()),
              HasSubstr("no-such-user-here"));
  EXPECT_EQ(FindAccount("")->uid, -1);
  if (geteuid() == 0) {
    EXPECT_EQ(FindAccount("root")->uid, -1);
    EXPECT_EQ(FindAccount("nobody")->uid, 65534);
  }
}

TEST(UpstreamGit, NothingOfTheHostsConfigurationIsSeen) {
  const UpstreamGit git({}, "/m", {.url = "https://h/a"}, "");
  const Command command = git.InRepository({.name = "www-data"}, {"cat-file", "-e", "x"});
  EXPECT_EQ(command.user, "www-data");
  EXPECT_THAT(command.argv,
              ::testing::ElementsAre("git", "--git-dir=/m/repository.git", "cat-file", "-e", "x"));
  EXPECT_THAT(command.environment, Contains(Pair("GIT_CONFIG_NOSYSTEM", "1")));
  EXPECT_THAT(command.environment, Contains(Pair("GIT_CONFIG_GLOBAL", "/m/gitconfig")));
  EXPECT_THAT(command.environment, Contains(Pair("GIT_ALLOW_PROTOCOL", "https")));
  EXPECT_THAT(command.environment, Contains(Pair("HOME", "/m/home")));
  EXPECT_GE(command.max_memory.value_or(0), int64_t{512} << 20);
  EXPECT_LE(command.max_memory.value_or(0), int64_t{2} << 30);
  EXPECT_EQ(command.oom_score_adj, 500);
}

// A program that keeps no mirror: it clones a branch, edits a file and pushes.
class PushTest : public ::testing::Test {
 protected:
  absl::Status Git(std::vector<std::string> arguments, GitReach reach = GitReach::kLocal) {
    const auto account = git_.Prepare(reach);
    if (!account.ok()) return account.status();
    const std::string operation = arguments[0];
    arguments.insert(arguments.begin(), {"-c", "user.name=robot", "-c", "user.email=r@example"});
    return git_.Run(operation, "running git", git_.InWorkTree(*account, arguments), reach).status();
  }
  absl::Status Clone() {
    const auto account = git_.Prepare(GitReach::kUpstream);
    if (!account.ok()) return account.status();
    if (auto status = git_.MakeWorkTree(*account); !status.ok()) return status;
    if (auto status = Git({"fetch", "--depth=1", "origin", "main"}, GitReach::kUpstream);
        !status.ok()) {
      return status;
    }
    return Git({"checkout", "--quiet", "-B", "work", "FETCH_HEAD"});
  }
  absl::Status CommitAndPush(const std::string& branch) {
    if (auto status = Git({"commit", "--quiet", "--all", "--message=set the version"});
        !status.ok()) {
      return status;
    }
    return Git({"push", "--quiet", "origin", "HEAD:refs/heads/" + branch}, GitReach::kUpstream);
  }
  std::string Read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(git_.paths().work_tree + "/" + file).rdbuf();
    return text.str();
  }
  void Write(const std::string& file, const std::string& content) {
    std::ofstream(git_.paths().work_tree + "/" + file) << content;
  }

  const TemporaryDirectory directory_;
  const TestRepository upstream_{directory_.path() + "/upstream.git"};
  const std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
  UpstreamGit git_{
      {.runner = runner_.get()}, directory_.path() + "/work", {.url = upstream_.url()}, ""};
};

TEST_F(PushTest, AnEditedFileArrivesAndNothingElseChanges) {
  upstream_.CommitFiles({{"app.yaml", "tag: v1\n"}, {"dir/other", "as it was"}});
  ASSERT_EQ(Clone(), absl::OkStatus());
  Write("app.yaml", "tag: v2\n");
  ASSERT_EQ(CommitAndPush("promotion"), absl::OkStatus());
  EXPECT_EQ(upstream_.Git({"show", "promotion:app.yaml"}), "tag: v2");
  EXPECT_EQ(upstream_.Git({"diff", "--name-only", "main", "promotion"}), "app.yaml");
}

TEST_F(PushTest, AttributesConvertNothingAndRunNothing) {
  const std::string marker = directory_.path() + "/ran";
  upstream_.CommitFiles({{".gitattributes", "* text eol=crlf ident\n*.yaml filter=evil\n"},
                         {"app.yaml", "a: $Id$\nb: 1\n"},
                         {".gitconfig", "[filter \"evil\"]\n smudge = touch " + marker + "\n"}});
  ASSERT_EQ(Clone(), absl::OkStatus());
  EXPECT_EQ(Read("app.yaml"), "a: $Id$\nb: 1\n");
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(PushTest, HooksOfTheRepositoryDoNotRun) {
  upstream_.CommitFiles({{"app.yaml", "tag: v1\n"}});
  ASSERT_EQ(Clone(), absl::OkStatus());
  const std::string hooks = git_.paths().repository + "/hooks";
  const std::string marker = directory_.path() + "/ran";
  std::filesystem::create_directories(hooks);
  for (const char* hook : {"pre-commit", "pre-push"}) {
    std::ofstream(hooks + "/" + hook) << "#!/bin/sh\ntouch " << marker << "\n";
    ASSERT_EQ(chmod((hooks + "/" + hook).c_str(), 0755), 0);
  }
  Write("app.yaml", "tag: v2\n");
  ASSERT_EQ(CommitAndPush("promotion"), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(PushTest, APushThatLostTheRaceIsAbortedAndLeavesTheOtherCommit) {
  upstream_.CommitFiles({{"app.yaml", "tag: v1\n"}});
  ASSERT_EQ(Clone(), absl::OkStatus());
  const std::string theirs = upstream_.CommitFiles({{"app.yaml", "tag: theirs\n"}});
  Write("app.yaml", "tag: v2\n");
  const absl::Status status = CommitAndPush("main");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_EQ(upstream_.Git({"rev-parse", "main"}), theirs);
}

TEST_F(PushTest, OnlyTheUpstreamsProtocolIsUsed) {
  upstream_.CommitFiles({{"app.yaml", "tag: v1\n"}});
  ASSERT_EQ(Clone(), absl::OkStatus());
  const absl::Status status = Git({"push", "ext::sh -c id", "HEAD:x"}, GitReach::kUpstream);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("not allowed"));
}

TEST_F(PushTest, AMissingUpstreamIsNotFoundBeforeGitRuns) {
  UpstreamGit git({.runner = runner_.get()}, directory_.path() + "/other",
                  {.url = directory_.path() + "/none.git"}, "");
  EXPECT_EQ(git.Prepare(GitReach::kUpstream).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
