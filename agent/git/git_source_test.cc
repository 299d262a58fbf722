#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "agent/git/git_test_base.h"
#include "agent/revision/compare_tree.h"
#include "agent/revision/revision_writer.h"
#include "gmock/gmock.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using GitSourceTest = GitTest;

TEST_F(GitSourceTest, ANewCommitBecomesReadyWithItsBytesAndModes) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "one\r\n"},
                                                     {"etc/bin/run", "+x#!/bin/sh\n"},
                                                     {"etc/l", "->bin/run"},
                                                     {"other/x", "not ours"},
                                                     {"etc/empty", ""}});
  Start();
  ASSERT_EQ(Newest().value_or(""), commit);
  ASSERT_TRUE(Prepare(commit).ok()) << Prepare(commit);
  EXPECT_EQ(Read(commit, "etc/a"), "one\r\n");
  EXPECT_EQ(Read(commit, "etc/l"), "#!/bin/sh\n");
  EXPECT_FALSE(fs::exists(Tree(commit) + "/other"));
  struct stat stat {};
  ASSERT_EQ(lstat((Tree(commit) + "/etc/bin/run").c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0755u);
  EXPECT_THAT(source_->Ready(), ElementsAre(commit));
  const auto manifest = store_->ReadManifest(*store_->Newest(commit));
  ASSERT_TRUE(manifest.ok());
  EXPECT_THAT(
      CompareTree(Tree(commit), *manifest, {.with_untracked = true, .read_all = true}).value(),
      IsEmpty());
}

TEST_F(GitSourceTest, WhatIsReadyNeedsNoProcessAndNoUpstream) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Prepare(commit).ok());
  fs::remove_all(upstream_->path());
  Start();
  const int64_t before = runner_.spawned();
  EXPECT_TRUE(Prepare(commit).ok());
  EXPECT_EQ(source_->Resolve(commit.substr(0, 7)).value_or(""), commit);
  EXPECT_EQ(runner_.spawned(), before);
}

TEST_F(GitSourceTest, AChangeElsewhereInTheRepositoryIsTheSameContent) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}, {"other", "1"}});
  const std::string b = upstream_->CommitFiles({{"etc/a", "1"}, {"other", "2"}});
  const std::string c = upstream_->CommitFiles({{"etc/a", "2"}, {"other", "2"}});
  Start();
  EXPECT_TRUE(source_->SameContent(a, b).value());
  EXPECT_FALSE(source_->SameContent(b, c).value());
  EXPECT_FALSE(source_->SameContent(a, c).value());
  const int64_t before = runner_.spawned();
  EXPECT_TRUE(source_->SameContent(b, a).value());
  EXPECT_EQ(runner_.spawned(), before) << "the second service that is far from it spawns nothing";
  ASSERT_TRUE(Prepare(a).ok());
  ASSERT_TRUE(Prepare(b).ok());
  fs::remove_all(upstream_->path());
  fs::remove_all(dir_ + "/state");
  Start();
  EXPECT_TRUE(source_->SameContent(a, b).value()) << "by their manifests";
}

TEST_F(GitSourceTest, TheChangedFilesComeWithTheCommit) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 50; ++i) files["etc/f" + std::to_string(i)] = "a" + std::to_string(i);
  const std::string a = upstream_->CommitFiles(files);
  Start();
  ASSERT_TRUE(Prepare(a).ok());
  for (int i = 0; i < 20; ++i) files["etc/f" + std::to_string(i)] = "b";
  const std::string b = upstream_->CommitFiles(files);
  ASSERT_EQ(Newest().value_or(""), b);
  const int before = runner_.CountOf("fetch");
  ASSERT_TRUE(Prepare(b).ok());
  EXPECT_EQ(runner_.CountOf("fetch") - before, 1);
  EXPECT_EQ(Read(b, "etc/f7"), "b");
  EXPECT_EQ(Read(b, "etc/f30"), "a30");
}

TEST_F(GitSourceTest, AForcePushIsFollowedAndTheOldCommitStays) {
  const std::string old = upstream_->CommitFiles({{"etc/a", "old"}});
  Start();
  ASSERT_TRUE(Prepare(old).ok());
  const std::string forced = upstream_->CommitFiles({{"etc/a", "new"}}, "main", false);
  upstream_->Git({"reflog", "expire", "--expire=all", "--all"});
  upstream_->Git({"prune", "--expire=now"});
  ASSERT_EQ(Newest().value_or(""), forced);
  ASSERT_TRUE(Prepare(forced).ok());
  EXPECT_EQ(Read(forced, "etc/a"), "new");
  EXPECT_FALSE(source_->SameContent(old, forced).value());
  EXPECT_EQ(source_->Prune(1, {}), absl::OkStatus());
  EXPECT_THAT(source_->Ready(), ElementsAre(forced));
  EXPECT_TRUE(Prepare(old).ok()) << "from the mirror: the upstream has it no more";
}

TEST_F(GitSourceTest, ABranchThatIsDeletedOrMadeADirectoryIsSaidAndFollowedAgain) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}}, "rel");
  Start();
  ASSERT_EQ(Newest("rel").value_or(""), a);
  service_.branch = "rel";
  Start();
  ASSERT_TRUE(Prepare(a).ok());
  upstream_->Git({"update-ref", "-d", "refs/heads/rel"});
  EXPECT_EQ(Newest("rel").status().code(), absl::StatusCode::kNotFound);
  const std::string b = upstream_->CommitFiles({{"etc/a", "2"}}, "rel/1");
  service_.branch = "rel/1";
  Start();
  ASSERT_EQ(Newest("rel/1").value_or(""), b);
  EXPECT_TRUE(Prepare(b).ok());
}

TEST_F(GitSourceTest, OnlyTheBranchOfExactlyThatNameCounts) {
  upstream_->CommitFiles({{"etc/a", "1"}}, "x/main");
  upstream_->CommitFiles({{"etc/a", "2"}}, "x/refs/heads/main");
  Start();
  EXPECT_EQ(Newest("main").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Newest("*").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Newest("--upload-pack=x").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(GitSourceTest, WhatPeopleSeeOfACommitStaysWithItsRevisionOnDisk) {
  const std::string commit = upstream_->CommitFiles({{"etc/conf", "one"}});
  Start();
  ASSERT_EQ(*Newest(), commit);
  const auto tip = polled_->Describe("main", commit, {});
  ASSERT_TRUE(tip.ok()) << tip.status();
  EXPECT_EQ(tip->hash, commit);
  EXPECT_FALSE(tip->subject.empty());
  EXPECT_FALSE(tip->author.empty());
  ASSERT_EQ(Prepare(commit), absl::OkStatus());
  std::filesystem::remove_all(dir_ + "/state/mirrors");
  Start();
  const int before = static_cast<int>(runner_.spawned());
  EXPECT_EQ(source_->Describe(commit, {}), *tip);
  EXPECT_EQ(runner_.spawned(), before) << "from the manifest";
  EXPECT_EQ(source_->Describe(std::string(40, '1'), {}), CommitInfo());
}

TEST_F(GitSourceTest, FilesOfTwoRevisionsAndTheirContentsAreThereForADiff) {
  const std::string first = upstream_->CommitFiles({{"etc/conf", "one"}, {"other/x", "x"}});
  Start();
  ASSERT_EQ(*Newest(), first);
  ASSERT_EQ(Prepare(first), absl::OkStatus());
  const std::string second =
      upstream_->CommitFiles({{"etc/conf", "two"}, {"etc/large", std::string(100, 'x')}});
  ASSERT_EQ(*Newest(), second);
  const auto before = source_->Files(first, {}), after = source_->Files(second, {});
  ASSERT_TRUE(before.ok() && after.ok()) << before.status() << after.status();
  ASSERT_EQ(before->size(), 1u);
  ASSERT_EQ(after->size(), 2u);
  EXPECT_FALSE(IsReady(second)) << "nothing is prepared";
  const auto contents = source_->Contents({(*before)[0].id, (*after)[0].id, (*after)[1].id},
                                          /*most_each=*/50, /*most_all=*/1000, {});
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->size(), 2u);
  EXPECT_EQ(contents->at((*before)[0].id), "one");
  EXPECT_EQ(contents->at((*after)[0].id), "two");
}

TEST_F(GitSourceTest, ResolveFindsCommitsOnDiskInTheMirrorAndUpstream) {
  const std::string a = upstream_->CommitFiles({{"etc/a", "1"}});
  const std::string b = upstream_->CommitFiles({{"etc/a", "2"}});
  Start();
  ASSERT_TRUE(Prepare(b).ok());
  EXPECT_EQ(source_->Resolve(b.substr(0, 8)).value_or(""), b);
  EXPECT_EQ(source_->Resolve(a.substr(0, 8)).value_or(""), a) << "an ancestor in the mirror";
  const std::string c = upstream_->CommitFiles({{"etc/a", "3"}});
  EXPECT_EQ(source_->Resolve(c.substr(0, 8)).value_or(""), c) << "pushed since";
  const std::string d = upstream_->CommitFiles({{"etc/a", "4"}}, "elsewhere");
  upstream_->Git({"update-ref", "-d", "refs/heads/elsewhere"});
  EXPECT_EQ(source_->Resolve(d).value_or(""), d) << "on no branch, by its full name";
  const std::string tree = upstream_->Git({"rev-parse", a + "^{tree}"});
  EXPECT_EQ(source_->Resolve(tree).status().code(), absl::StatusCode::kNotFound)
      << "a tree is not a commit";
  EXPECT_EQ(source_->Resolve("abc").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(source_->Resolve("xyzw").status().code(), absl::StatusCode::kInvalidArgument);
  fs::remove_all(upstream_->path());
  EXPECT_FALSE(source_->Resolve("0123456").ok());
}

TEST_F(GitSourceTest, AnAmbiguousPrefixNamesItsCommits) {
  const std::string a = "abcd" + std::string(36, '1'), b = "abcd" + std::string(36, '2');
  Start();
  for (const std::string& name : {a, b}) {
    ASSERT_TRUE(store_->Write(name).value()->Finish(-1, -1).ok());
  }
  const auto resolved = source_->Resolve("ABCD");
  EXPECT_EQ(resolved.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(resolved.status().ToString(), HasSubstr(a));
  EXPECT_EQ(source_->Resolve("abcd1").value_or(""), a);
}

TEST_F(GitSourceTest, ARevisionMadeForFewerPathsIsMadeAgainForMore) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}, {"more/b", "2"}});
  Start();
  ASSERT_TRUE(Prepare(commit).ok());
  service_.directories.push_back({.local = "/etc/b", .link = "more/b", .file = true});
  Start();
  ASSERT_TRUE(Prepare(commit).ok());
  EXPECT_EQ(Read(commit, "more/b"), "2");
  EXPECT_EQ(Read(commit, "etc/a"), "1");
}

TEST_F(GitSourceTest, WhatIsLeftOutIsNotWrittenAndMissingOnlyWhereItIsLeftOut) {
  const std::string commit =
      upstream_->CommitFiles({{"etc/a", "1"}, {"etc/conf.d/x", "1"}, {"etc/conf.d.bak", "1"}});
  Start();
  source_ = driver_->SourceFor(service_, store_, {"etc/conf.d"});
  ASSERT_EQ(Prepare(commit), absl::OkStatus());
  EXPECT_EQ(Read(commit, "etc/a"), "1");
  EXPECT_EQ(Read(commit, "etc/conf.d.bak"), "1");
  EXPECT_EQ(Read(commit, "etc/conf.d/x"), "");
  // The place that took its place is gone from the config, or comes back.
  source_ = driver_->SourceFor(service_, store_);
  ASSERT_EQ(Prepare(commit), absl::OkStatus());
  EXPECT_EQ(Read(commit, "etc/conf.d/x"), "1");
  source_ = driver_->SourceFor(service_, store_, {"etc/conf.d"});
  ASSERT_EQ(Prepare(commit), absl::OkStatus());
  EXPECT_EQ(Read(commit, "etc/conf.d/x"), "");
}

TEST_F(GitSourceTest, PreparingAfreshPutsRightWhatWasChanged) {
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  ASSERT_TRUE(Prepare(commit).ok());
  std::ofstream(Tree(commit) + "/etc/a") << "drift";
  ASSERT_TRUE(Prepare(commit).ok());
  EXPECT_EQ(Read(commit, "etc/a"), "drift");
  ASSERT_TRUE(source_->Prepare(commit, /*afresh=*/true).ok());
  EXPECT_EQ(Read(commit, "etc/a"), "1");
}

TEST_F(GitSourceTest, AMissingPathIsNamedAndNothingIsLeft) {
  const std::string commit = upstream_->CommitFiles({{"elsewhere/a", "1"}});
  Start();
  const absl::Status status = Prepare(commit);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.ToString(), HasSubstr("no \"etc\""));
  EXPECT_TRUE(fs::is_empty(RevisionRoot(service_)));
}

TEST_F(GitSourceTest, Sha256RepositoriesWork) {
  upstream_ = std::make_unique<TestRepository>(dir_ + "/sha256.git", "sha256");
  service_.upstream.url = upstream_->url();
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  ASSERT_EQ(commit.size(), 64u);
  Start();
  ASSERT_EQ(Newest().value_or(""), commit);
  ASSERT_TRUE(Prepare(commit).ok()) << Prepare(commit);
  EXPECT_EQ(Read(commit, "etc/a"), "1");
}

TEST_F(GitSourceTest, GitRunsAndFilesBelongAsTheUserSays) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  service_.user = "nobody";
  const std::string commit = upstream_->CommitFiles({{"etc/a", "1"}});
  Start();  // the upstream is root's: safe.directory must name it
  ASSERT_EQ(Newest().value_or(""), commit);
  ASSERT_TRUE(Prepare(commit).ok()) << Prepare(commit);
  for (const std::string& path : {Tree(commit) + "/etc/a", MirrorPath() + "/HEAD"}) {
    struct stat stat {};
    ASSERT_EQ(lstat(path.c_str(), &stat), 0) << path;
    EXPECT_EQ(stat.st_uid, 65534u) << path;
  }
  for (const Command& command : runner_.commands()) EXPECT_EQ(command.user, "nobody");
}

TEST_F(GitSourceTest, AnUnknownUserIsSaidWhenItIsNeededAndMayAppearLater) {
  service_.user = "not-yet-there";
  upstream_->CommitFiles({{"etc/a", "1"}});
  Start();
  EXPECT_EQ(Newest().status().code(), absl::StatusCode::kFailedPrecondition);
  const absl::Status status = Prepare(std::string(40, 'a'));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.ToString(), HasSubstr("not-yet-there"));
  EXPECT_EQ(runner_.spawned(), 0);
}

TEST_F(GitSourceTest, AStateDirectoryThatTheUserCannotEnterIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  service_.user = "nobody";
  fs::create_directory(dir_ + "/state");
  ASSERT_EQ(chmod((dir_ + "/state").c_str(), 0700), 0);
  Start();
  EXPECT_THAT(Newest().status().ToString(), HasSubstr("/state (mode 0700)"));
}

TEST_F(GitSourceTest, TwoHundredChangedFilesOfFiveHundredAreReadyInABreath) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 500; ++i) {
    files["etc/d" + std::to_string(i % 20) + "/f" + std::to_string(i)] = "a" + std::to_string(i);
  }
  Start();
  ASSERT_TRUE(Prepare(upstream_->CommitFiles(files)).ok());
  std::string last;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 200; ++i) {
      files["etc/d" + std::to_string(i % 20) + "/f" + std::to_string(i)] =
          std::to_string(round) + "b" + std::to_string(i);
    }
    const std::string commit = upstream_->CommitFiles(files);
    const absl::Time begin = absl::Now();
    ASSERT_EQ(Newest().value_or(""), commit);
    const absl::Time polled = absl::Now();
    ASSERT_TRUE(Prepare(commit).ok());
    const absl::Time ready = absl::Now();
    std::printf("poll %.1f ms, prepare %.1f ms\n", absl::ToDoubleMilliseconds(polled - begin),
                absl::ToDoubleMilliseconds(ready - polled));
    // Generous, for sanitizers and busy machines; bench/ measures.
    EXPECT_LT(ready - begin, absl::Seconds(5));
  }
}

}  // namespace
}  // namespace gitops
