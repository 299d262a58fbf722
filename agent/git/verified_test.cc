#include <sys/stat.h>

#include <fstream>

#include "agent/git/git_test_base.h"
#include "gmock/gmock.h"

// What is read of a mirror is what its names say, or it is not published: the mirror belongs to the
// service's user, who may have put anything there.

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VerifiedTest : public GitTest {
 protected:
  void Serve() {
    commit_ = upstream_->CommitFiles({{"etc/a", "good"}, {"etc/b", "too"}, {"other/x", "1"}});
    Start();
    ASSERT_TRUE(Prepare(commit_).ok()) << Prepare(commit_);
  }

  // Runs git in the mirror, as its owner might.
  std::string InMirror(const std::vector<std::string>& arguments) const {
    Command command;
    command.argv = {"git", "-c", "safe.directory=*", "--git-dir=" + MirrorPath()};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return NewProcessRunner()->Run(command)->output;
  }

  static std::string Loose(const std::string& repository, const std::string& id) {
    return repository + "/objects/" + id.substr(0, 2) + "/" + id.substr(2);
  }

  // Makes every object of the mirror a file of its own.
  void Unpack() {
    const std::string packs = dir_ + "/packs";
    fs::remove_all(packs);
    fs::rename(MirrorPath() + "/objects/pack", packs);
    fs::create_directory(MirrorPath() + "/objects/pack");
    for (const auto& file : fs::directory_iterator(packs)) {
      if (file.path().extension() != ".pack") continue;
      Command command;
      command.argv = {
          "git", "-c", "safe.directory=*", "--git-dir=" + MirrorPath(), "unpack-objects", "-q"};
      std::ostringstream pack;
      pack << std::ifstream(file.path()).rdbuf();
      command.input = pack.str();
      ASSERT_TRUE(NewProcessRunner()->Run(command)->ok());
    }
  }

  void PackOne(const std::string& id) const {
    Command command;
    command.argv = {"git",
                    "-c",
                    "safe.directory=*",
                    "--git-dir=" + MirrorPath(),
                    "pack-objects",
                    "-q",
                    MirrorPath() + "/objects/pack/pack"};
    command.input = id + "\n";
    ASSERT_TRUE(NewProcessRunner()->Run(command)->ok());
  }

  // Gives the object `id` of the mirror the content of `other`, which the upstream has.
  void Forge(const std::string& id, const std::string& other) {
    Unpack();
    const std::string file = Loose(MirrorPath(), id);
    ASSERT_TRUE(fs::exists(file));
    fs::remove(file);
    fs::copy_file(Loose(upstream_->path(), other), file);
  }

  std::string Id(const std::string& name) const { return upstream_->Git({"rev-parse", name}); }

  std::string commit_;
};

TEST_F(VerifiedTest, AForgedFileIsNotPublishedAndTheMirrorIsMadeAgain) {
  Serve();
  const std::string blob = Id(commit_ + ":etc/a");
  Forge(blob, upstream_->WriteBlob("evil"));
  ASSERT_EQ(InMirror({"cat-file", "blob", blob}), "evil") << "git itself does not notice";
  Start();  // without a process that has the genuine pack open
  ASSERT_TRUE(source_->Prepare(commit_, /*afresh=*/true).ok())
      << source_->Prepare(commit_, /*afresh=*/true);
  EXPECT_EQ(Read(commit_, "etc/a"), "good");
  EXPECT_EQ(InMirror({"cat-file", "blob", blob}), "good");
}

TEST_F(VerifiedTest, AForgedCommitAndAForgedDirectoryAreNotPublished) {
  Serve();
  const std::string evil = upstream_->CommitFiles({{"etc/a", "evil"}, {"etc/b", "evil"}}, "evil");
  const std::vector<std::pair<std::string, std::string>> forgeries = {
      {commit_, evil},
      {Id(commit_ + "^{tree}"), Id(evil + "^{tree}")},
      {Id(commit_ + ":etc"), Id(evil + ":etc")}};
  for (const auto& [genuine, forged] : forgeries) {
    Start();
    ASSERT_TRUE(Prepare(commit_).ok());
    Forge(genuine, forged);
    Start();  // nothing that was verified before is remembered
    ASSERT_TRUE(source_->Prepare(commit_, /*afresh=*/true).ok()) << genuine;
    EXPECT_EQ(Read(commit_, "etc/a"), "good");
  }
}

TEST_F(VerifiedTest, WithoutTheUpstreamAForgeryIsAnErrorAndTheOldRevisionStays) {
  Serve();
  const std::string next = upstream_->CommitFiles({{"etc/a", "next"}});
  ASSERT_TRUE(Prepare(next).ok());
  Forge(Id(next + ":etc/a"), upstream_->WriteBlob("evil"));
  PackOne(Id(commit_ + "^{tree}"));  // a mirror without any pack would be fetched first
  Start();
  fs::rename(upstream_->path(), upstream_->path() + ".away");
  const absl::Status status = source_->Prepare(next, /*afresh=*/true);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_EQ(Read(commit_, "etc/a"), "good");
  EXPECT_EQ(Read(next, "etc/a"), "next");
  fs::rename(upstream_->path() + ".away", upstream_->path());
  EXPECT_TRUE(source_->Prepare(next, /*afresh=*/true).ok());
}

TEST_F(VerifiedTest, AGitThatCannotBeRunIsNoFaultOfTheMirror) {
  Serve();
  Start();
  const int made = runner_.CountOf("init");
  runner_.no_conversation = absl::NotFoundError("run git: there is no such program");
  const absl::Status status = source_->Prepare(commit_, /*afresh=*/true);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(runner_.CountOf("init"), made) << "the mirror was made again";
  runner_.no_conversation = absl::OkStatus();
  EXPECT_TRUE(source_->Prepare(commit_, /*afresh=*/true).ok());
}

TEST_F(VerifiedTest, Sha256ObjectsAreVerifiedToo) {
  upstream_ = std::make_unique<TestRepository>(dir_ + "/sha256.git", "sha256");
  service_.upstream.url = upstream_->url();
  Serve();
  const std::string blob = Id(commit_ + ":etc/a");
  Forge(blob, upstream_->WriteBlob("evil"));
  ASSERT_EQ(InMirror({"cat-file", "blob", blob}), "evil");
  Start();
  ASSERT_TRUE(source_->Prepare(commit_, /*afresh=*/true).ok());
  EXPECT_EQ(Read(commit_, "etc/a"), "good");
}

TEST_F(VerifiedTest, ACommitOrDirectoryOfAbsurdSizeIsRefusedAndTheMirrorStays) {
  Serve();
  struct stat before {};
  ASSERT_EQ(stat(MirrorPath().c_str(), &before), 0);
  const std::string text = "tree " + Id(commit_ + "^{tree}") +
                           "\nauthor T <t@example> 1700000000 +0000\n"
                           "committer T <t@example> 1700000000 +0000\n\n" +
                           std::string(2 << 20, 'x');
  const std::string wordy = upstream_->Git({"hash-object", "-w", "-t", "commit", "--stdin"}, text);
  upstream_->Git({"update-ref", "refs/heads/main", wordy});
  ASSERT_EQ(Newest().value_or(""), wordy);
  absl::Status status = Prepare(wordy);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("the limit is 1048576"));

  std::vector<TestRepository::Entry> entries;
  const std::string blob = upstream_->WriteBlob("x");
  for (int i = 0; i < 75'000; ++i) {
    entries.push_back({"100644", blob, std::string(200, 'n') + std::to_string(i)});
  }
  const std::string wide = upstream_->Commit(
      upstream_->WriteTree({{"40000", upstream_->WriteTree(entries), "etc"}}), "main", false);
  status = Prepare(wide);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("the limit is 16777216"));
  struct stat after {};
  ASSERT_EQ(stat(MirrorPath().c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
}

TEST_F(VerifiedTest, WhatDoesNotFitIntoTheMemoryIsRefusedAndTheMirrorStays) {
  service_.upstream.git_memory = int64_t{192} << 20;
  Serve();
  struct stat before {};
  ASSERT_EQ(stat(MirrorPath().c_str(), &before), 0);
  const std::string file = dir_ + "/commit";
  std::ofstream(file) << "tree " << Id(commit_ + "^{tree}")
                      << "\nauthor T <t@example> 1700000000 +0000\n"
                         "committer T <t@example> 1700000000 +0000\n\n"
                      << std::string(256 << 20, 'x');
  const std::string huge = upstream_->Git({"hash-object", "-w", "-t", "commit", file});
  upstream_->Git({"update-ref", "refs/heads/main", huge});
  ASSERT_EQ(Newest().value_or(""), huge);
  const absl::Status status = Prepare(huge);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("git_memory"));
  struct stat after {};
  ASSERT_EQ(stat(MirrorPath().c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  const std::string next = upstream_->CommitFiles({{"etc/a", "next"}}, "main", false);
  EXPECT_TRUE(Prepare(next).ok()) << Prepare(next);
}

TEST_F(VerifiedTest, ConfigurationAndCredentialsAreNotTheAccountsOwn) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  service_.user = "nobody";
  Serve();
  const std::string directory = fs::path(MirrorPath()).parent_path();
  for (const auto& [file, mode, group] :
       {std::tuple("/gitconfig", 0444u, 0u), std::tuple("/credentials", 0440u, 65534u)}) {
    struct stat stat {};
    ASSERT_EQ(lstat((directory + file).c_str(), &stat), 0) << file;
    EXPECT_EQ(stat.st_uid, 0u) << file;
    EXPECT_EQ(stat.st_gid, group) << file;
    EXPECT_EQ(stat.st_mode & 07777, mode) << file;
  }
  EXPECT_FALSE(fs::exists(directory + "/home/.netrc"));
}

TEST_F(VerifiedTest, CredentialsAreReadByTheAccountAndNotByOthersOfItsGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  service_.user = "nobody";
  Serve();
  const std::string file = fs::path(MirrorPath()).parent_path().string() + "/credentials";
  const auto read_as = [&](const std::string& uid) {
    Command command;
    command.argv = {"setpriv", "--reuid=" + uid, "--regid=65534", "--clear-groups", "cat", file};
    return NewProcessRunner()->Run(command)->ok();
  };
  EXPECT_TRUE(read_as("65534"));
  EXPECT_FALSE(read_as("65533"));
}

TEST_F(VerifiedTest, OneProcessReadsAllCommitsOfAllServices) {
  Serve();
  const int before = runner_.CountOf("cat-file");
  for (int i = 0; i < 3; ++i) {
    const std::string next = upstream_->CommitFiles({{"etc/a", std::to_string(i)}});
    ASSERT_TRUE(Prepare(next).ok());
    EXPECT_FALSE(source_->SameContent(commit_, next).value());
  }
  EXPECT_EQ(runner_.CountOf("cat-file"), before);
  EXPECT_EQ(runner_.CountOf("ls-tree") + runner_.CountOf("diff-tree"), 0);
}

TEST_F(VerifiedTest, WhatACommitTouchesIsExactAtAnyDepth) {
  const std::set<std::string> links = {".",         "apps",      "apps/web", "apps/web/conf",
                                       "apps/db",   "apps/f",    "gone",     "new",
                                       "apps/db/x", "a/b/c/d/e", "other"};
  const std::string a = upstream_->CommitFiles({{"apps/web/conf/x", "1"},
                                                {"apps/web/y", "1"},
                                                {"apps/db/x", "1"},
                                                {"apps/f", "1"},
                                                {"gone/x", "1"},
                                                {"a/b/c/d/e/f", "1"},
                                                {"other", "1"}});
  const std::string b = upstream_->CommitFiles({{"apps/web/conf/x", "2"},
                                                {"apps/web/y", "1"},
                                                {"apps/db/x", "1"},
                                                {"apps/f", "+x1"},
                                                {"new/x", "1"},
                                                {"a/b/c/d/e/f", "1"},
                                                {"a/b/c/d/g", "1"},
                                                {"other", "1"}});
  Start();
  const auto touched = [&](const std::string& from, const std::string& to) {
    return polled_->Touched("main", from, to, links, {}).value();
  };
  EXPECT_THAT(touched(a, b),
              ElementsAre(".", "apps", "apps/f", "apps/web", "apps/web/conf", "gone", "new"));
  fs::remove_all(upstream_->path());
  fs::remove_all(dir_ + "/state");
  EXPECT_THAT(touched(b, a),
              ElementsAre(".", "apps", "apps/f", "apps/web", "apps/web/conf", "gone", "new"))
      << "remembered, in both directions";
  EXPECT_THAT(touched(a, a), IsEmpty());
  EXPECT_FALSE(polled_->Touched("main", a, std::string(40, 'a'), links, {}).ok());
}

TEST_F(VerifiedTest, APointerOfGitLfsIsRemarkedOnAlsoAfterARestart) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
  const std::string commit =
      upstream_->CommitFiles({{"etc/a", "plain"}, {"etc/big.bin", pointer}, {"etc/l", "->a"}});
  Start();
  ASSERT_TRUE(Prepare(commit).ok());
  EXPECT_EQ(Read(commit, "etc/big.bin"), pointer);
  Start();
  EXPECT_THAT(source_->Remark(commit), HasSubstr("\"etc/big.bin\" is a pointer of git LFS"));
  const std::string plain = upstream_->CommitFiles({{"etc/a", "plain"}});
  ASSERT_TRUE(Prepare(plain).ok());
  EXPECT_EQ(source_->Remark(plain), "");
}

TEST_F(VerifiedTest, AStopEndsARepackAndNothingIsLost) {
  Serve();
  std::stop_source stop;
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(Prepare(upstream_->CommitFiles({{"etc/a", std::to_string(i)}})).ok());
  }
  runner_.before = [&](const Command& command) {
    for (const std::string& argument : command.argv) {
      if (argument == "repack") stop.request_stop();
    }
  };
  ASSERT_TRUE(source_->Prune(1, {}, stop.get_token()).ok());
  EXPECT_TRUE(stop.stop_requested());
  ASSERT_TRUE(source_->Prepare(commit_, /*afresh=*/true).ok());
  EXPECT_EQ(Read(commit_, "etc/a"), "good");
}

}  // namespace
}  // namespace gitops
