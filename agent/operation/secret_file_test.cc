#include "agent/operation/secret_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using testing::Not;

constexpr char kCanary[] = "canary-7c1f";

class SecretFileTest : public testing::Test {
 protected:
  SecretPlace At(const std::string& name) const {
    return {.destination = directory_ / name,
            .owner_user = absl::StrCat(geteuid()),
            .owner_group = absl::StrCat(getegid()),
            .permissions = "0400"};
  }

  struct stat Look(const std::string& name) const {
    struct stat status = {};
    EXPECT_EQ(lstat((directory_ / name).c_str(), &status), 0) << name;
    return status;
  }

  // Nothing is left of an attempt, and nothing is told of the content.
  void ExpectRefused(const SecretPlace& place, StatusCode code, const std::string& why) {
    const absl::Status refused = WriteSecretFile(place, Secret(kCanary));
    EXPECT_EQ(refused.code(), code) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(why));
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr(kCanary)));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr(".gitops-new")));
    }
  }

  TemporaryDirectory directory_{TemporaryDirectory::For::kEveryAccount};
};

TEST_F(SecretFileTest, OnAReadOnlyFileSystemThatIsWhatTheErrorSays) {
  if (geteuid() != 0) GTEST_SKIP() << "only root mounts";
  absl::Status refused;
  // The mount is in the namespace of this thread alone.
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_FS | CLONE_NEWNS), 0);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("none", directory_.path().c_str(), "tmpfs", MS_RDONLY, nullptr), 0);
    refused = WriteSecretFile(At("key"), Secret(kCanary));
  }).join();
  EXPECT_THAT(std::string(refused.message()), testing::AllOf(HasSubstr("Read-only file system"),
                                                             Not(HasSubstr("earlier attempt"))));
}

TEST_F(SecretFileTest, IsThereWithItsContentAndPermissions) {
  ASSERT_EQ(WriteSecretFile(At("key"), Secret(kCanary)), absl::OkStatus());
  EXPECT_EQ(directory_.Read("key"), kCanary);
  EXPECT_EQ(Look("key").st_mode, S_IFREG | 0400u);
  EXPECT_FALSE(directory_.Has(".key.gitops-new"));
}

TEST_F(SecretFileTest, BelongsToItsOwnerByNumberOrName) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  SecretPlace place = At("key");
  place.owner_user = "1234";
  place.owner_group = "2345";
  place.permissions = "640";
  ASSERT_EQ(WriteSecretFile(place, Secret("x")), absl::OkStatus());
  EXPECT_EQ(Look("key").st_uid, 1234u);
  EXPECT_EQ(Look("key").st_gid, 2345u);
  EXPECT_EQ(Look("key").st_mode, S_IFREG | 0640u);
  place.owner_user = place.owner_group = "root";
  ASSERT_EQ(WriteSecretFile(place, Secret("y")), absl::OkStatus());
  EXPECT_EQ(Look("key").st_uid, 0u);
}

TEST_F(SecretFileTest, TakesThePlaceOfAnEarlierOneInOneStep) {
  directory_.Write("key", "old");
  const ino_t before = Look("key").st_ino;
  ASSERT_TRUE(WriteSecretFile(At("key"), Secret("new")).ok());
  EXPECT_EQ(directory_.Read("key"), "new");
  EXPECT_NE(Look("key").st_ino, before) << "who has the old one open reads it to its end";
}

TEST_F(SecretFileTest, WhatACrashLeftIsTakenAway) {
  directory_.Write(".key.gitops-new", "half");
  ASSERT_TRUE(WriteSecretFile(At("key"), Secret("whole")).ok());
  EXPECT_EQ(directory_.Read("key"), "whole");
  EXPECT_FALSE(directory_.Has(".key.gitops-new"));
}

TEST_F(SecretFileTest, AgentsWithSecretsInOneDirectoryAreNotInEachOthersWay) {
  std::vector<std::thread> agents;
  for (const std::string name : {"web1", "web2", "web3"}) {
    agents.emplace_back([this, name] {
      for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(WriteSecretFile(At(name), Secret(name)), absl::OkStatus());
        ASSERT_EQ(directory_.Read(name), name);
      }
    });
  }
  for (std::thread& agent : agents) agent.join();
}

TEST_F(SecretFileTest, ItsNameMayBeAsLongAsNamesCanBe) {
  const std::string name(NAME_MAX, 'k');
  ASSERT_EQ(WriteSecretFile(At(name), Secret(kCanary)), absl::OkStatus());
  EXPECT_EQ(directory_.Read(name), kCanary);
}

TEST_F(SecretFileTest, WhatLiesThereIsReadWhereItIsAPlainFileOfThatSize) {
  directory_.Write("key", std::string(kMaxSecretFile, 'x'));
  ASSERT_EQ(symlink("key", (directory_ / "own link").c_str()), 0);
  for (const std::string name : {"key", "own link"}) {
    const absl::StatusOr<Secret> read = ReadSecretFile(directory_ / name);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->Reveal().size(), kMaxSecretFile);
  }
  EXPECT_EQ(ReadSecretFile(directory_ / "none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadSecretFile(directory_ / "none/key").status().code(), StatusCode::kNotFound);
  directory_.Write("long", std::string(kMaxSecretFile + 1, 'x'));
  ASSERT_EQ(mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  for (const std::string name : {"long", "fifo", ""}) {
    EXPECT_EQ(ReadSecretFile(directory_ / name).status().code(), StatusCode::kFailedPrecondition)
        << name;
  }
}

TEST_F(SecretFileTest, MissingDirectoriesAreMadeOnlyWhereThatIsAskedFor) {
  SecretPlace place = At("a/b/key");
  ExpectRefused(place, StatusCode::kNotFound, "mk_dirs");
  EXPECT_FALSE(directory_.Has("a"));
  place.make_directories = true;
  EXPECT_EQ(WriteSecretFile(place, Secret("x")), absl::OkStatus());
  EXPECT_EQ(directory_.Read("a/b/key"), "x");
  EXPECT_EQ(Look("a/b").st_mode, S_IFDIR | 0755u);
}

TEST_F(SecretFileTest, WhoMovesADirectoryOfRootsToWhereOneIsMadeDoesNotOpenIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another account";
  constexpr uid_t kTheirs = 54321;
  directory_.Write("home/private/key", "root's");
  const std::string home = directory_ / "home";
  ASSERT_EQ(chmod((home + "/private").c_str(), 0700), 0);
  ASSERT_EQ(chown(home.c_str(), kTheirs, kTheirs), 0);
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  int stop[2];
  ASSERT_EQ(pipe2(stop, O_CLOEXEC | O_NONBLOCK), 0);
  const pid_t attacker = fork();
  if (attacker == 0) {
    close(stop[1]);
    if (chdir(home.c_str()) != 0 || setresuid(kTheirs, kTheirs, kTheirs) != 0) _exit(2);
    char byte = 0;
    while (read(stop[0], &byte, 1) < 0) {
      if (rename("made", "aside") != 0) continue;
      if (rename("private", "made") == 0) rename("made", "private");
      unlink("aside/secret");
      unlink("aside/.secret.gitops-new");
      rmdir("aside");
    }
    _exit(0);
  }
  close(stop[0]);
  SecretPlace place = At("home/made/secret");
  place.make_directories = true;
  for (int round = 0; round < 300; ++round) {
    WriteSecretFile(place, Secret("x")).IgnoreError();
    for (const char* name : {"home/private", "home/made"}) {
      struct stat now = {};
      if (lstat((directory_ / name).c_str(), &now) != 0) continue;
      EXPECT_EQ(now.st_mode & 07777, now.st_uid == 0 ? 0700u : 0755u) << name;
      EXPECT_TRUE(now.st_uid == 0 || now.st_uid == kTheirs) << name;
    }
  }
  close(stop[1]);
  int status = -1;
  EXPECT_EQ(waitpid(attacker, &status, 0), attacker);
  EXPECT_EQ(status, 0);
}

TEST_F(SecretFileTest, DirectoriesAndOtherThingsAreNotReplaced) {
  std::filesystem::create_directory(directory_ / "dir");
  ASSERT_EQ(mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  directory_.Write("file", "x");
  ExpectRefused(At("dir"), StatusCode::kFailedPrecondition, "it is a directory");
  ExpectRefused(At("fifo"), StatusCode::kFailedPrecondition, "not a regular file");
  ExpectRefused(At("file/key"), StatusCode::kFailedPrecondition, "not a directory");
  ExpectRefused({.destination = "key"}, StatusCode::kInvalidArgument, "not absolute");
}

TEST_F(SecretFileTest, OwnLinksAreFollowedAndThoseOfOthersAreRefused) {
  std::filesystem::create_directory(directory_ / "real");
  std::filesystem::create_directory_symlink("real", directory_ / "link");
  ASSERT_EQ(WriteSecretFile(At("link/key"), Secret("x")), absl::OkStatus());
  EXPECT_EQ(directory_.Read("real/key"), "x");
  std::filesystem::create_symlink(directory_ / "real/other", directory_ / "final");
  ASSERT_EQ(WriteSecretFile(At("final"), Secret("y")), absl::OkStatus());
  EXPECT_EQ(directory_.Read("real/other"), "y");
  if (geteuid() != 0) GTEST_SKIP() << "only root gives links away";
  for (const std::string name : {"link", "final"}) {
    ASSERT_EQ(lchown((directory_ / name).c_str(), 1234, 1234), 0);
  }
  ExpectRefused(At("link/key"), StatusCode::kFailedPrecondition, "symlink of uid 1234");
  ExpectRefused(At("final"), StatusCode::kFailedPrecondition, "symlink of uid 1234");
  EXPECT_EQ(directory_.Read("real/key"), "x");
}

TEST_F(SecretFileTest, LinksThatGoRoundEndSomewhere) {
  std::filesystem::create_symlink("b", directory_ / "a");
  std::filesystem::create_symlink("a", directory_ / "b");
  ExpectRefused(At("a/key"), StatusCode::kFailedPrecondition, "too many symlinks");
}

TEST_F(SecretFileTest, UnknownOwnersAndPermissionsAreRefused) {
  SecretPlace place = At("key");
  place.owner_user = "no-such-user";
  ExpectRefused(place, StatusCode::kFailedPrecondition, "no account \"no-such-user\"");
  place = At("key");
  place.owner_group = "no-such-group";
  ExpectRefused(place, StatusCode::kFailedPrecondition, "no group \"no-such-group\"");
  for (const std::string permissions : {"", "rw", "0800", "77777", "-1"}) {
    place = At("key");
    place.permissions = permissions;
    ExpectRefused(place, StatusCode::kInvalidArgument, "octal");
  }
}

TEST_F(SecretFileTest, AFullDiskLeavesTheOldOneAndNothingElse) {
  directory_.Write("key", "old");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {4, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status failed = WriteSecretFile(At("key"), Secret(kCanary));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(directory_.Read("key"), "old");
  EXPECT_FALSE(directory_.Has(".key.gitops-new"));
}

}  // namespace
}  // namespace gitops
