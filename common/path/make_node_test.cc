#include "common/path/make_node.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class MakeNodeTest : public ::testing::Test {
 protected:
  MakeNodeTest() : directory_(open(box_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

  struct stat Look(const std::string& name) const {
    struct stat stat = {};
    EXPECT_EQ(lstat((box_ / name).c_str(), &stat), 0) << name;
    return stat;
  }
  void GiveAway(const std::string& name) const {
    ASSERT_EQ(chown((box_ / name).c_str(), 123, 456), 0);
  }

  TemporaryDirectory box_;
  Fd directory_;
};

TEST_F(MakeNodeTest, MakesADirectoryOrAFileOnce) {
  EXPECT_EQ(*MakeNode(directory_.get(), "dir", NodeKind::kDirectory), true);
  EXPECT_EQ(*MakeNode(directory_.get(), "dir", NodeKind::kDirectory), false);
  EXPECT_EQ(*MakeNode(directory_.get(), "file", NodeKind::kFile), true);
  EXPECT_EQ(*MakeNode(directory_.get(), "file", NodeKind::kFile), false);
  EXPECT_EQ(Look("dir").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(Look("file").st_mode, S_IFREG | 0644u);
}

TEST_F(MakeNodeTest, BelongsToTheOwnerOfTheDirectoryAndThisThreadStaysWhatItIs) {
  if (geteuid() != 0) GTEST_SKIP() << "only root makes things for others";
  GiveAway("");
  ASSERT_TRUE(MakeBeneath(directory_.get(), "a/b/file", NodeKind::kFile).ok());
  for (const char* name : {"a", "a/b", "a/b/file"}) {
    EXPECT_EQ(Look(name).st_uid, 123u) << name;
    EXPECT_EQ(Look(name).st_gid, 456u) << name;
  }
  EXPECT_EQ(setfsuid(static_cast<uid_t>(-1)), 0);
  EXPECT_EQ(setfsgid(static_cast<gid_t>(-1)), static_cast<int>(getegid()));
  EXPECT_EQ(access((box_ / "a").c_str(), W_OK), 0);
  box_.Write("of-root", "x");
  EXPECT_EQ(Look("of-root").st_uid, 0u);
}

TEST_F(MakeNodeTest, NothingIsMadeThatTheOwnerCouldNotMake) {
  if (geteuid() != 0) GTEST_SKIP() << "root can write everywhere";
  GiveAway("");
  ASSERT_EQ(chmod(box_.path().c_str(), 0500), 0);
  const absl::Status status = MakeNode(directory_.get(), "dir", NodeKind::kDirectory).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("uid 123"));
}

TEST_F(MakeNodeTest, BeneathADirectorySymlinksAndOtherKindsAreInTheWay) {
  box_.Write("file", "x");
  fs::create_directory_symlink("/tmp", box_ / "link");
  for (const char* path : {"file", "file/below", "link", "link/below"}) {
    const absl::Status status = MakeBeneath(directory_.get(), path, NodeKind::kDirectory).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  }
  EXPECT_EQ(MakeBeneath(directory_.get(), "../out", NodeKind::kFile).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(MakeBeneath(directory_.get(), "file", NodeKind::kFile).ok());
  EXPECT_TRUE(MakeBeneath(directory_.get(), "", NodeKind::kDirectory).ok());
}

TEST_F(MakeNodeTest, InARemovedDirectoryItIsNotFound) {
  fs::create_directory(box_ / "gone");
  const Fd gone(open((box_ / "gone").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  fs::remove(box_ / "gone");
  EXPECT_EQ(MakeNode(gone.get(), "x", NodeKind::kFile).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
